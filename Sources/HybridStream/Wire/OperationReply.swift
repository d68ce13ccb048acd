/// An answer to `auth`, `subscribe`, `unsubscribe` or `ping`, on either socket.
///
/// The sockets differ in shape (`op` is `ping` in the public pong and `pong` in the private one, `req_id` may be missing
/// or empty), so everything is optional and ``isPong`` knows both forms.
///
/// ```json
/// {"success":false,"ret_msg":"error:handler not found,topic:tickers.XUSDT","conn_id":"…","req_id":"r1","op":"subscribe"}
/// ```
/// Sources: https://bybit-exchange.github.io/docs/v5/ws/connect, captured frames.
public struct OperationReply: Sendable, Equatable {
    public var operation = ""
    /// Nil if the frame does not say; a pong of the private socket does not.
    public var success: Bool?
    public var message = ""
    /// Empty if none was sent or echoed.
    public var requestID = ""
    public var connectionID = ""

    /// Test this first: a public pong carries `success` like an acknowledgement does.
    public var isPong: Bool { self.operation == "pong" || self.message == "pong" }

    public init() {}

    mutating func take(_ key: JSONSlice, from reader: inout JSONReader) throws {
        switch key {
        case "op": self.operation = try reader.readScalar()?.string ?? ""
        case "success": self.success = try reader.readScalar()?.isTrue
        case "ret_msg", "retMsg": self.message = try reader.readScalar()?.string ?? ""
        case "req_id", "reqId": self.requestID = try reader.readScalar()?.string ?? ""
        case "conn_id", "connId": self.connectionID = try reader.readScalar()?.string ?? ""
        case "retCode": self.success = try reader.readScalar()?.integer == 0
        default: try reader.skipValue()
        }
    }
}

/// Why the exchange refused a subscription, read from the reply's text.
public enum SubscriptionRefusal: Equatable, Sendable {
    /// The topic is active on this connection already; it keeps delivering.
    case alreadySubscribed(topic: String)
    /// No such topic or symbol (also a wrong case, or a delisted contract).
    case unknownTopic(String)
    /// Some other text.
    case other(String)

    /// Recognises `error:handler not found,topic:<topic>`, `error:already subscribed,topic:<topic>` and the form
    /// `Invalid symbol :[<topic>]`.
    public init(message: String) {
        let lowered = message.lowercased()
        guard let topic = SubscriptionRefusal.topic(in: message) else {
            self = .other(message)
            return
        }
        self = lowered.contains("already subscribed") ? .alreadySubscribed(topic: topic) : .unknownTopic(topic)
    }

    private static func topic(in message: String) -> String? {
        if let range = message.firstRange(of: "topic:") {
            let rest = message[range.upperBound...].prefix { $0 != "," && $0 != " " && $0 != "]" }
            return rest.isEmpty ? nil : String(rest)
        }
        if let open = message.lastIndex(of: "["), let close = message[open...].firstIndex(of: "]") {
            let inside = message[message.index(after: open)..<close]
            return inside.isEmpty ? nil : String(inside)
        }
        return nil
    }
}
