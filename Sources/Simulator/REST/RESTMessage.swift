/// A REST request as it came over the wire. Query and body are the raw bytes, because they are what is signed.
struct RESTRequest {
    var method: String
    var path: String
    var query: String
    var body: [UInt8]
    var apiKey: String?
    var timestamp: String?
    var receiveWindow: String?
    var signature: String?
}

/// What goes back.
struct RESTReply {
    var status = 200
    var contentType = "application/json; charset=utf-8"
    var body: [UInt8] = []
    var retCode = 0
    var limit: (limit: Int, left: Int, reset: Int64)?
    var withoutResetHeader = false
    var trace = ""
    var time: Int64 = 0
    /// Time to wait before it is sent.
    var delay: Int64 = 0
    /// Cut the connection instead of answering.
    var isDropped = false
}

/// A business error: HTTP 200 with a return code.
struct RESTFailure: Error {
    let code: Int
    let message: String

    init(_ code: Int, _ message: String) {
        self.code = code
        self.message = message
    }

    static func parameter(_ message: String) -> RESTFailure { RESTFailure(10001, message) }
    static let parameterMode = RESTFailure(10001, "position idx not match position mode")
}

/// Decoded query parameters.
struct QueryParameters {
    private var values: [String: String] = [:]

    init(_ query: String) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = parts.first else { continue }
            self.values[Self.decode(String(key))] = parts.count > 1 ? Self.decode(String(parts[1])) : ""
        }
    }

    /// Nil when absent or empty.
    subscript(_ key: String) -> String? {
        guard let value = self.values[key], !value.isEmpty else { return nil }
        return value
    }

    /// Undoes percent-encoding once; a stray `%` stays.
    static func decode(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return text }
        let input = Array(text.utf8)
        var output: [UInt8] = []
        var position = 0
        while position < input.count {
            let byte = input[position]
            if byte == UInt8(ascii: "%"), position + 2 < input.count,
                let value = UInt8(String(decoding: input[(position + 1)...(position + 2)], as: UTF8.self), radix: 16)
            {
                output.append(value)
                position += 3
            } else {
                output.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                position += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
