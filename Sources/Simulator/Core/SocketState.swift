/// What the exchange knows of one WebSocket connection.
final class SocketState {
    enum Kind: Equatable {
        case market(Category)
        case account

        var text: String {
            switch self {
            case .market(let category): "public/\(category.rawValue)"
            case .account: "private"
            }
        }
    }

    let number: Int
    let kind: Kind
    /// The opaque id in acknowledgements.
    let id: String
    let openedAt: Int64
    var account: Account?
    /// Market numbers of the subscribed tickers.
    var tickers: Set<Int> = []
    var topics: [PrivateTopic] = []
    /// Whether it ever subscribed or pinged: only those that never did are cut for idling.
    var wasUseful = false
    /// Last ping or outgoing data.
    var lastActivity: Int64
    let activeTime: Int64
    /// Acknowledgements and pongs go on, data stops.
    var isStalled = false
    var dropsPongs = false
    /// Nothing is read or written any more, and nobody is told.
    var isHalfOpen = false
    var isClosing = false

    init(number: Int, kind: Kind, id: String, now: Int64, activeTime: Int64) {
        self.number = number
        self.kind = kind
        self.id = id
        self.openedAt = now
        self.lastActivity = now
        self.activeTime = activeTime
    }

    var isPrivate: Bool { self.kind == .account }
}

/// How an authentication ends.
enum AuthOutcome {
    case accepted(Account)
    case refused(Account?)
}
