/// The requests a client sends over a socket, as text.
///
/// Every request carries a `req_id`: acknowledgements cannot be told apart otherwise.
public enum OperationRequest {
    /// The most characters one request's `args` may hold on the public socket.
    /// Source: https://bybit-exchange.github.io/docs/v5/ws/connect ("args" size).
    public static let maxArgumentCharacters = 21_000

    public static func subscribe(_ topics: [String], requestID: String) -> String {
        Self.request("subscribe", topics, requestID)
    }

    public static func unsubscribe(_ topics: [String], requestID: String) -> String {
        Self.request("unsubscribe", topics, requestID)
    }

    public static func ping(requestID: String) -> String {
        #"{"req_id":"\#(requestID)","op":"ping"}"#
    }

    /// - Parameters:
    ///   - expires: milliseconds since 1970 by the exchange's clock, in its future.
    ///   - signature: of `GET/realtime` + `expires`, lowercase hex.
    public static func authenticate(apiKey: String, expires: Int64, signature: String, requestID: String) -> String {
        #"{"req_id":"\#(requestID)","op":"auth","args":["\#(Self.escaped(apiKey))",\#(expires),"\#(signature)"]}"#
    }

    /// How many characters a topic takes inside `args`, with its quotes and comma.
    public static func argumentCharacters(of topic: String) -> Int { topic.utf8.count + 3 }

    private static func request(_ operation: String, _ topics: [String], _ requestID: String) -> String {
        let list = topics.map { "\"\(Self.escaped($0))\"" }.joined(separator: ",")
        return #"{"req_id":"\#(requestID)","op":"\#(operation)","args":[\#(list)]}"#
    }

    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case let control where control.value < 0x20:
                let hex = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
