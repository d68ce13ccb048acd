/// What is wrong with an account's key, set by a fault.
enum KeyState: String {
    case good, expired, ip, wrongEnvironment = "wrong_env", readOnly = "read_only"
}

/// One account (UID) with one key.
final class Account {
    let name: String
    let number: Int
    let apiKey: String
    let apiSecret: String
    let secret: [UInt8]
    let uid: Int64
    var hedged: Bool
    var keyState = KeyState.good
    /// By `Position.key`.
    var positions: [Int: Position] = [:]
    var openOrders: [Order] = []
    /// The newest closed ones, at most `closedLimit`.
    var closedOrders: [Order] = []
    /// Link ids are unique for ever.
    var links: Set<String> = []
    var balances: [String: Int64]
    /// Authenticated private connections.
    var sockets: [Int] = []
    var leverages: [Int: Int64] = [:]
    /// Requests in the current second, per endpoint.
    var windows: [String: (second: Int64, count: Int)] = [:]
    /// Former states of positions, kept while sweeps are made stale.
    var history: [(time: Int64, key: Int, state: PositionState)] = []
    /// Rows held back by the reordering fault.
    var heldRows: Delivery?
    /// How this account writes what is not set: 0 `"0"`, 1 `""`, 2 `"0.00"`.
    let unsetStyle: Int

    static let closedLimit = 500

    init(name: String, number: Int, seed: UInt64, hedged: Bool, unset: SimulatorBehaviour.UnsetStyle) {
        let keys = Credentials.derive(seed: seed, account: name)
        self.name = name
        self.number = number
        self.apiKey = keys.apiKey
        self.apiSecret = keys.apiSecret
        self.secret = Array(keys.apiSecret.utf8)
        var random = SeededRandom(seed: seed, purpose: "account \(name)")
        self.uid = 100_000_000 + random.between(0, 499_999_999)
        self.hedged = hedged
        switch unset {
        case .mixed: self.unsetStyle = random.below(3)
        case .zero: self.unsetStyle = 0
        case .empty: self.unsetStyle = 1
        }
        self.balances = [
            "USDT": 100_000_000 * Units.one, "USDC": 100_000_000 * Units.one, "BTC": 100 * Units.one,
            "ETH": 1000 * Units.one, "XRP": 1_000_000 * Units.one,
        ]
    }

    /// The position of this leg, created flat when it never was.
    func position(_ market: Market, _ index: Int) -> Position {
        let key = Position.key(market, index)
        if let position = self.positions[key] { return position }
        let position = Position(account: self, market: market, index: index)
        position.state.leverage = self.leverages[market.number] ?? 10
        self.positions[key] = position
        market.positions.append(position)
        return position
    }

    /// The leg an order belongs to, or nil when index and mode do not fit.
    func index(_ index: Int, fits market: Market) -> Bool {
        self.hedged && market.instrument.canHedge ? index == 1 || index == 2 : index == 0
    }

    var held: [Position] { self.positions.values.filter { $0.state.size > 0 } }

    func finish(_ order: Order) {
        self.openOrders.removeAll { $0 === order }
        order.market.orders.removeAll { $0 === order }
        self.closedOrders.append(order)
        if self.closedOrders.count > Self.closedLimit + 100 { self.closedOrders.removeFirst(100) }
    }

    func order(id: String?, link: String?) -> Order? {
        func matches(_ order: Order) -> Bool {
            if let id, !id.isEmpty { return order.id == id }
            if let link, !link.isEmpty { return order.link == link }
            return false
        }
        return self.openOrders.last(where: matches) ?? self.closedOrders.last(where: matches)
    }
}
