/// What came back over HTTP, before anybody has judged it.
public struct RESTReply: Sendable {
    /// Larger replies are refused. The largest that the exchange sends, a page of instruments, has about one megabyte.
    public static let maxBodySize = 8 * 1024 * 1024

    public var status: Int
    public var headers: ReplyHeaders
    public var body: [UInt8]

    public init(status: Int, headers: ReplyHeaders = ReplyHeaders(), body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Reads the `result` of a reply that is known to be a success.
    /// - Throws: ``RESTError/Code/malformed`` if the document is broken or has no `result`, or a `RESTError` of `read`.
    public func readResult<Value>(_ read: (inout JSONReader) throws -> Value) throws(RESTError) -> Value {
        var value: Value?
        do {
            try self.body.withUnsafeBytes { bytes in
                guard var reader = JSONReader(bytes) else { throw JSONReader.Failure.unexpectedEnd }
                try reader.forEachMember { key, reader in
                    if key == "result" { value = try read(&reader) }
                }
                try reader.expectEnd()
            }
        } catch let error as RESTError {
            throw error
        } catch {
            throw RESTError(.malformed, message: "the reply is not the JSON it should be: \(error)")
        }
        guard let value else { throw RESTError(.malformed, message: "the reply has no result") }
        return value
    }
}

/// The headers of a reply that matter here.
///
/// Source: https://bybit-exchange.github.io/docs/v5/rate-limit
public struct ReplyHeaders: Sendable, Equatable {
    /// `X-Bapi-Limit-Status`: calls left to this account and endpoint in the current second.
    public var remaining: Int?
    /// `X-Bapi-Limit`: calls allowed per second.
    public var limit: Int?
    /// `X-Bapi-Limit-Reset-Timestamp`: milliseconds since 1970 by the exchange's clock. May be missing.
    public var resetMilliseconds: Int64?
    /// `Retry-After` in seconds.
    public var retryAfter: Duration?

    public init(
        remaining: Int? = nil,
        limit: Int? = nil,
        resetMilliseconds: Int64? = nil,
        retryAfter: Duration? = nil
    ) {
        self.remaining = remaining
        self.limit = limit
        self.resetMilliseconds = resetMilliseconds
        self.retryAfter = retryAfter
    }

    /// - Parameter value: the value of a header, whatever the case of its name.
    public init(_ value: (String) -> String?) {
        func integer(_ name: String) -> Int64? { value(name).flatMap { Int64($0) } }
        self.init(
            remaining: integer("X-Bapi-Limit-Status").flatMap { Int(exactly: $0) },
            limit: integer("X-Bapi-Limit").flatMap { Int(exactly: $0) },
            resetMilliseconds: integer("X-Bapi-Limit-Reset-Timestamp"),
            retryAfter: integer("Retry-After").flatMap { $0 > 0 && $0 < 86_400 ? .seconds($0) : nil }
        )
    }
}

/// The frame that the exchange puts around every result.
///
/// ```json
/// {"retCode":0,"retMsg":"OK","result":{},"retExtInfo":{},"time":1671017382656}
/// ```
struct ReplyEnvelope: Equatable {
    var retCode: Int
    var retMsg: String
    /// Milliseconds since 1970; 0 if the reply did not say.
    var time: Int64

    /// Nil if the body is not such a frame.
    init?(_ body: [UInt8]) {
        var code: Int?
        var message = ""
        var time: Int64 = 0
        do {
            try body.withUnsafeBytes { bytes in
                guard var reader = JSONReader(bytes) else { return }
                try reader.forEachMember { key, reader in
                    switch key {
                    case "retCode", "ret_code": code = try reader.readScalar()?.integer.flatMap { Int(exactly: $0) }
                    case "retMsg", "ret_msg": message = try reader.readScalar()?.string ?? ""
                    case "time": time = try reader.readScalar()?.integer ?? 0
                    default: break
                    }
                }
                try reader.expectEnd()
            }
        } catch {
            return nil
        }
        guard let code else { return nil }
        self.retCode = code
        self.retMsg = message
        self.time = time
    }
}
