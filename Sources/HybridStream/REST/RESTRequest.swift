/// One call of the exchange's REST interface.
public struct RESTRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    public let method: Method
    /// Like `/v5/position/list`; also what the exchange counts calls by.
    public let path: String
    /// The query as it is sent and signed, without `?`; empty if there is none.
    public let query: String
    /// The body as it is sent and signed; empty for a read.
    public let body: String
    public let priority: RateBudget.Priority
    /// Longest wait for leave to send it: what was decided long ago must not be sent any more. Nil to wait as long as it takes.
    public var patience: Duration?

    /// A read; repeated by the client when it fails for a passing reason.
    /// - Parameter query: in this order. Values are opaque: whatever they hold is percent-encoded.
    public static func get(
        _ path: String,
        query: [(name: String, value: String)] = [],
        priority: RateBudget.Priority = .normal,
        patience: Duration? = nil
    ) -> RESTRequest {
        let text = query.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
        return RESTRequest(method: .get, path: path, query: text, body: "", priority: priority, patience: patience)
    }

    /// A write; sent once, and once more only if the exchange refused it for its timestamp.
    /// - Parameter json: sent and signed byte for byte.
    public static func post(
        _ path: String,
        json: String,
        priority: RateBudget.Priority = .high,
        patience: Duration? = .seconds(2)
    ) -> RESTRequest {
        RESTRequest(method: .post, path: path, query: "", body: json, priority: priority, patience: patience)
    }

    /// Path and query.
    package var target: String { self.query.isEmpty ? self.path : "\(self.path)?\(self.query)" }

    /// What the signature covers besides time, key and window.
    var signedPayload: String { self.method == .get ? self.query : self.body }

    /// Method and path, for messages.
    var name: String { "\(self.method.rawValue) \(self.path)" }

    /// The headers of an attempt made now.
    /// - Parameter timestamp: milliseconds since 1970 by the exchange's clock.
    /// - Throws: ``RESTError`` with code `unusableCredentials` or `signingUnavailable`.
    func headers(
        account: AccountIdentity?,
        timestamp: Int64,
        receiveWindow: Int64
    ) throws(RESTError) -> [(name: String, value: String)] {
        var headers = [(name: "User-Agent", value: "bybitctl"), (name: "Accept", value: "application/json")]
        if self.method == .post { headers.append(("Content-Type", "application/json")) }
        guard let account else { return headers }
        let key = account.credentials.apiKey
        guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RESTError(.unusableCredentials, message: "the API key is empty or holds spaces or odd characters")
        }
        let signature: String
        do {
            signature = try Signing.request(
                timestamp: timestamp,
                receiveWindow: receiveWindow,
                payload: self.signedPayload,
                credentials: account.credentials
            )
        } catch {
            throw RESTError(.signingUnavailable, message: error.description)
        }
        headers += [
            ("X-BAPI-API-KEY", key), ("X-BAPI-TIMESTAMP", "\(timestamp)"), ("X-BAPI-RECV-WINDOW", "\(receiveWindow)"),
            ("X-BAPI-SIGN-TYPE", "2"), ("X-BAPI-SIGN", signature),
        ]
        return headers
    }

    /// Percent-encodes everything but RFC 3986's unreserved characters.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
