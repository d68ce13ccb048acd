extension ExchangeCore {
    /// `GET /v5/position/list`: by symbol also what is flat, by settle coin only what is held.
    func listPositions(_ account: Account, _ parameters: QueryParameters) throws(RESTFailure) -> [UInt8] {
        let category = try self.derivativeCategory(parameters["category"])
        let symbol = parameters["symbol"]
        if category == .linear, symbol == nil, parameters["settleCoin"] == nil {
            throw .parameter("Missing some parameters that must be filled in, symbol or settleCoin")
        }
        let limit = try Self.pageSize(parameters["limit"], most: 200)
        var rows: [Position]
        if let symbol {
            guard let market = self.market(category, symbol) else {
                throw .parameter("params error: symbol invalid \(symbol)")
            }
            rows = self.legs(account, market)
        } else {
            let coin = parameters["settleCoin"]
            rows = account.positions.values.filter { position in
                position.instrument.category == category
                    && (coin == nil || position.instrument.settle == coin)
                    && self.sweepState(position).size > 0
            }
            rows.sort { self.rank($0) < self.rank($1) }
        }
        var page = 1
        if let cursor = parameters["cursor"] {
            guard let last = Self.cursorValue(cursor).flatMap({ self.rank(fromCursor: $0) }) else {
                throw .parameter("Invalid cursor")
            }
            page = 2
            rows = rows.filter { self.rank($0) > last }
        }
        if self.faults.failingPage > 0, page >= self.faults.failingPage {
            throw RESTFailure(10016, "Internal System Error.")
        }
        if self.faults.emptyListings > 0 {
            self.faults.emptyListings -= 1
            rows = []
        }
        let more = rows.count > limit
        let skew = self.takeMarkSkew(of: account)
        return self.positionPage(Array(rows.prefix(limit)), category: category, more: more, skew: skew)
    }

    /// By how much this listing's marks are wrong, in thousandths.
    private func takeMarkSkew(of account: Account) -> Int64 {
        guard var skew = self.faults.listedMarks, skew.account == nil || skew.account == account.name,
            Faults.use(&skew.left)
        else { return 0 }
        self.faults.listedMarks = skew
        return skew.perMille
    }

    private func positionPage(_ rows: [Position], category: Category, more: Bool, skew: Int64) -> [UInt8] {
        var json = JSONWriter(capacity: 200 + rows.count * 1100)
        json.raw("{\"list\":[")
        for position in rows {
            position.writeRow(
                self.sweepState(position),
                for: .rest,
                mark: position.market.mark(skewedBy: skew),
                neverTraded: self.behaviour.neverTradedSeq,
                unknownFields: self.faults.unknownFields,
                into: &json
            )
            json.raw(",")
        }
        json.dropComma()
        json.raw("],\"nextPageCursor\":\"")
        if more, let first = rows.first, let last = rows.last {
            json.plain("first%3D\(Self.cursorKey(first))%26last%3D\(Self.cursorKey(last))")
        }
        json.text("\",\"category\":\"", category.rawValue)
        json.dropComma()
        json.raw("}")
        return json.bytes
    }

    func derivativeCategory(_ name: String?) throws(RESTFailure) -> Category {
        let category = try self.category(name)
        guard category != .spot else { throw .parameter("params error: Category is invalid") }
        return category
    }

    static func pageSize(_ text: String?, most: Int) throws(RESTFailure) -> Int {
        guard let text else { return 20 }
        guard let size = Int(text), size > 0, size <= most else {
            throw .parameter("params error: limit should be between 1 and \(most)")
        }
        return size
    }

    /// The rows of one symbol, also when flat: one, or in hedge mode two, in an order that is not fixed.
    private func legs(_ account: Account, _ market: Market) -> [Position] {
        guard account.hedged, market.instrument.canHedge else { return [account.position(market, 0)] }
        let legs = [account.position(market, 1), account.position(market, 2)]
        return legs.sorted { self.rank($0) < self.rank($1) }
    }

    /// Place in a listing. Which hedge leg comes first depends on account and symbol.
    private func rank(_ position: Position) -> Int {
        let turned = (SeededRandom.hash(position.instrument.symbol) ^ UInt64(position.account.number)) % 2 == 1
        let leg = position.index == 0 ? 0 : turned ? 3 - position.index : position.index
        return Position.key(position.market, leg) << 2 | position.index
    }

    private static func cursorKey(_ position: Position) -> String {
        "\(position.instrument.symbol)%2C\(position.account.number)%2C\(position.index)"
    }

    private func rank(fromCursor text: String) -> Int? {
        let parts = QueryParameters.decode(text).split(separator: ",")
        guard parts.count == 3, let number = Int(parts[1]), self.accounts.indices.contains(number),
            let index = Int(parts[2]), (0...2).contains(index), let market = self.derivative(String(parts[0]))
        else { return nil }
        return self.rank(self.accounts[number].position(market, index))
    }

    /// A position as a sweep sees it: in the past, while that fault is on.
    private func sweepState(_ position: Position) -> PositionState {
        guard self.faults.sweepAge > 0 else { return position.state }
        let key = Position.key(position.market, position.index)
        let then = self.now - self.faults.sweepAge
        return position.account.history.first { $0.time > then && $0.key == key }?.state ?? position.state
    }

    /// `POST /v5/position/trading-stop`.
    func tradingStop(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let position = try self.position(account, body)
        guard position.state.size > 0 else { throw .parameter("can not set tp/sl/ts for zero position") }
        let legs = try self.stops(body, position)
        var wanted = position.state
        if let price = legs.takeProfit { wanted.takeProfit = price }
        if let price = legs.stopLoss { wanted.stopLoss = price }
        if let by = body["slTriggerBy"]?.text { wanted.stopByMark = by == "MarkPrice" }
        if let by = body["tpTriggerBy"]?.text { wanted.profitByMark = by == "MarkPrice" }
        if let distance = legs.trailing {
            let activation = legs.activation ?? (distance == 0 ? 0 : wanted.activation)
            if distance != wanted.trailing || activation != wanted.activation {
                wanted.setTrailing(distance, activation: activation)
            }
        } else if let activation = legs.activation, wanted.trailing != 0, activation != wanted.activation {
            wanted.setTrailing(wanted.trailing, activation: activation)
        }
        guard wanted != position.state else { throw RESTFailure(34040, "not modified") }
        self.amend(position) { $0 = wanted }
        return Array("{}".utf8)
    }

    /// Prices of a stop request; each leg on the right side of the price, nil when not named.
    private func stops(_ body: JSONValue, _ position: Position) throws(RESTFailure)
        -> (takeProfit: Int64?, stopLoss: Int64?, trailing: Int64?, activation: Int64?)
    {
        func price(_ key: String) throws(RESTFailure) -> Int64? {
            guard let text = body[key]?.text, !text.isEmpty else { return nil }
            guard let value = Units.parse(text), value >= 0 else { throw .parameter("params error: \(key) invalid") }
            guard value % position.instrument.tick == 0 else { throw .parameter("params error: \(key) invalid tick") }
            return value
        }
        let takeProfit = try price("takeProfit")
        let stopLoss = try price("stopLoss")
        let isLong = position.state.side == .buy
        let base = position.market.last
        let word = isLong ? "Buy" : "Sell"
        if let value = stopLoss, value != 0, isLong ? value >= base : value <= base {
            throw .parameter(
                "StopLoss:\(value) set for \(word) position should be \(isLong ? "lower" : "greater") than base_price:\(base)??LastPrice"
            )
        }
        if let value = takeProfit, value != 0, isLong ? value <= base : value >= base {
            throw .parameter(
                "TakeProfit:\(value) set for \(word) position should be \(isLong ? "higher" : "lower") than base_price:\(base)??LastPrice"
            )
        }
        return (takeProfit, stopLoss, try price("trailingStop"), try price("activePrice"))
    }

    /// The position a request means: category, symbol and a `positionIdx` that fits the mode.
    func position(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> Position {
        let market = try self.tradedMarket(body)
        let index = Int(body["positionIdx"]?.integer ?? 0)
        guard account.index(index, fits: market) else { throw .parameterMode }
        return account.position(market, index)
    }

    func tradedMarket(_ body: JSONValue) throws(RESTFailure) -> Market {
        let category = try self.derivativeCategory(body["category"]?.text)
        guard let symbol = body["symbol"]?.text else { throw .parameter("params error: symbol is required") }
        guard let market = self.market(category, symbol) else {
            throw .parameter("params error: symbol invalid \(symbol)")
        }
        return market
    }

    /// `POST /v5/position/switch-mode` with mode 0 (one-way) or 3 (hedge); the mode is the account's here.
    func switchMode(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let mode = body["mode"]?.integer
        guard mode == 0 || mode == 3 else { throw .parameter("params error: mode invalid") }
        guard account.hedged != (mode == 3) else { throw RESTFailure(110025, "Position mode is not modified") }
        guard self.setHedged(account, mode == 3) else {
            throw RESTFailure(110024, "You have an existing position, so position mode cannot be switched")
        }
        return Array("{}".utf8)
    }

    /// False while positions or orders are open on what can be hedged.
    func setHedged(_ account: Account, _ on: Bool) -> Bool {
        if account.hedged == on { return true }
        guard !account.held.contains(where: { $0.instrument.canHedge }),
            !account.openOrders.contains(where: { $0.market.instrument.canHedge })
        else { return false }
        account.hedged = on
        return true
    }

    /// `POST /v5/position/set-leverage`.
    func setLeverage(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let market = try self.tradedMarket(body)
        guard let units = body["buyLeverage"]?.units, units >= Units.one, units <= 100 * Units.one else {
            throw .parameter("params error: buyLeverage invalid")
        }
        let leverage = units / Units.one
        guard leverage != account.leverages[market.number] ?? 10 else {
            throw RESTFailure(110043, "leverage not modified")
        }
        account.leverages[market.number] = leverage
        let legs = (0...2).compactMap { account.positions[Position.key(market, $0)] }
        for position in legs { self.amend(position) { $0.leverage = leverage } }
        return Array("{}".utf8)
    }
}
