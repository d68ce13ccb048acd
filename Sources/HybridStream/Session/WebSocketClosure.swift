/// Why a WebSocket ended, in words for an operator.
public struct WebSocketClosure: Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// DNS, TCP or TLS failed.
        case connect
        /// The server answered the upgrade with another status.
        case refused(status: Int)
        /// The server sent a close frame.
        case closedByPeer(code: Int)
        /// The connection ended without a close frame (code 1006 in other clients' words).
        case reset
        /// The peer broke the protocol.
        case violation
        /// We closed it.
        case closedByUs
    }

    public let kind: Kind
    public let text: String

    public init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    public var description: String { self.text }
}
