/// What is true on the exchange, for whoever has to judge a client. Numbers are in units of 10⁻⁸.
extension VirtualExchange {
    /// One leg of one symbol.
    package struct Leg: Hashable, Sendable {
        package var account: String
        package var symbol: String
        package var index: Int

        package init(account: String, symbol: String, index: Int) {
            self.account = account
            self.symbol = symbol
            self.index = index
        }
    }

    package struct Holding: Equatable, Sendable {
        /// `Buy`, `Sell`, or empty when flat.
        package var side: String
        package var size: Int64
        package var entry: Int64
        package var stopLoss: Int64
        package var takeProfit: Int64
        package var trailing: Int64
        package var leverage: Int64

        init(_ state: PositionState) {
            let isOpen = state.size != 0
            self.side = isOpen ? state.side.rawValue : ""
            self.size = state.size
            self.entry = isOpen ? state.entry : 0
            self.stopLoss = isOpen ? state.stopLoss : 0
            self.takeProfit = isOpen ? state.takeProfit : 0
            self.trailing = isOpen ? state.trailing : 0
            self.leverage = state.leverage
        }

        package var isOpen: Bool { self.size != 0 }
    }

    /// A row the exchange made.
    package struct Change: Sendable {
        package var time: Int64
        package var leg: Leg
        package var holding: Holding
        package var openTime: Int64
    }

    /// All open legs of linear symbols.
    package func holdings() -> [Leg: Holding] {
        var result: [Leg: Holding] = [:]
        for account in self.core.accounts {
            for position in account.positions.values
            where position.state.size != 0 && position.instrument.category == .linear {
                let leg = Leg(account: account.name, symbol: position.instrument.symbol, index: position.index)
                result[leg] = Holding(position.state)
            }
        }
        return result
    }

    /// The rows made since entry `index` of the record, in order, and the entry after the last.
    package func changes(since index: Int) -> (changes: [Change], next: Int) {
        var changes: [Change] = []
        for entry in self.core.record.facts(since: index) {
            guard case .row(let position, let state, let cause, _) = entry.detail, cause != .repeat,
                position.instrument.category == .linear, let account = entry.account
            else { continue }
            changes.append(
                Change(
                    time: entry.time,
                    leg: Leg(account: account.name, symbol: position.instrument.symbol, index: position.index),
                    holding: Holding(state),
                    openTime: state.openTime
                )
            )
        }
        return (changes, self.core.record.next)
    }

    /// What an order of a client did.
    package struct OrderFact: Sendable {
        package var time: Int64
        package var leg: Leg
        package var link: String
        package var status: String
        package var filled: Int64
        package var isReduceOnly: Bool
        /// Of the position it acts on, at this moment: 0 when it is flat.
        package var openTime: Int64
        /// Of the symbol, at this moment.
        package var mark: Int64
    }

    /// What orders that clients have sent did since entry `index` of the record, in order.
    package func orders(since index: Int) -> [OrderFact] {
        self.core.record.facts(since: index).compactMap { entry in
            guard case .order(let order, let status, let filled) = entry.detail, !order.link.isEmpty,
                let account = entry.account
            else { return nil }
            return OrderFact(
                time: entry.time,
                leg: Leg(
                    account: account.name,
                    symbol: order.market.instrument.symbol,
                    index: order.position.index
                ),
                link: order.link,
                status: status.rawValue,
                filled: filled,
                isReduceOnly: order.reduceOnly,
                openTime: order.position.state.openTime,
                mark: order.market.mark
            )
        }
    }

    /// Prices of a linear symbol are multiples of it, in units.
    package func tickSize(_ symbol: String) -> Int64? { self.core.market(.linear, symbol)?.instrument.tick }

    /// Requests refused since entry `index` of the record because they came before the acknowledgement of authentication.
    package func prematureRequests(since index: Int) -> Int {
        self.core.record.facts(since: index).count { $0.kind == .rejected && $0.text == "Request not authorized" }
    }

    /// The mark of a linear symbol now, in units.
    package func mark(_ symbol: String) -> Int64? { self.core.market(.linear, symbol)?.mark }

    /// The same as listings show it with the fault `sweep_marks`.
    package func mark(_ symbol: String, skewedBy perMille: Int64) -> Int64? {
        self.core.market(.linear, symbol)?.mark(skewedBy: perMille)
    }

    /// When subscriptions were refused, in milliseconds since 1970.
    package func refusedSubscriptions() -> [Int64] {
        self.core.record.facts(since: 0).filter { $0.kind == .rejected }.map(\.time)
    }

    package var symbols: [String] {
        self.core.markets.filter { $0.instrument.category == .linear && $0.instrument.symbol.hasSuffix("USDT") }
            .map(\.instrument.symbol)
    }

    /// Open sockets: the subscribed linear tickers of each public one, the account of each private one.
    package func sockets() -> (public: [Set<String>], private: [String]) {
        var tickers: [Set<String>] = []
        var accounts: [String] = []
        for number in self.core.sockets.keys.sorted() {
            guard let socket = self.core.sockets[number], !socket.isClosing else { continue }
            if socket.isPrivate {
                accounts.append(socket.account?.name ?? "")
            } else {
                tickers.append(Set(socket.tickers.map { self.core.markets[$0].instrument.symbol }))
            }
        }
        return (tickers, accounts)
    }

    /// Credentials of an account.
    package func keys(_ account: String) -> (key: String, secret: String)? {
        self.core.accountByName[account].map { ($0.apiKey, $0.apiSecret) }
    }
}
