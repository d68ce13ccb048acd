extension ExchangeCore {
    /// `POST /v5/order/create`: checks, acknowledges, and lets the order act a few milliseconds later.
    func createOrder(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let order = try self.makeOrder(account, body)
        if !order.link.isEmpty { account.links.insert(order.link) }
        account.openOrders.append(order)
        let latency = self.random.between(self.behaviour.orderLatency.from, self.behaviour.orderLatency.to)
        self.schedule.add(.execute(order), due: self.now + latency)
        return self.reference(order)
    }

    private func reference(_ order: Order) -> [UInt8] {
        var json = JSONWriter(capacity: 120)
        json.text("{\"orderId\":\"", order.id)
        json.text("\"orderLinkId\":\"", order.link)
        json.dropComma()
        json.raw("}")
        return json.bytes
    }

    private func makeOrder(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> Order {
        let position = try self.position(account, body)
        let instrument = position.instrument
        guard let side = body["side"]?.text.flatMap({ Side(rawValue: $0) }), side != .none else {
            throw .parameter("params error: Side invalid")
        }
        guard let type = body["orderType"]?.text, type == "Market" || type == "Limit" else {
            throw .parameter("params error: OrderType invalid")
        }
        let link = body["orderLinkId"]?.text ?? ""
        guard Self.isLink(link) else { throw .parameter("params error: orderLinkId invalid") }
        guard !account.links.contains(link) else { throw RESTFailure(110072, "OrderLinkedID is duplicate") }
        let reduceOnly = body["reduceOnly"]?.bool ?? false
        let closeOnTrigger = body["closeOnTrigger"]?.bool ?? false
        let price = try self.limitPrice(body, type: type, side: side, position)
        let trigger = try self.trigger(body, position)
        let takeProfit = body["takeProfit"]?.units ?? 0
        let stopLoss = body["stopLoss"]?.units ?? 0
        if reduceOnly, takeProfit != 0 || stopLoss != 0 {
            throw .parameter("reduceOnly order can not set takeProfit or stopLoss")
        }
        if reduceOnly, trigger.price == 0 {
            guard position.state.size > 0 else {
                throw RESTFailure(110017, "current position is zero, cannot fix reduce-only order qty")
            }
            guard position.state.side != side else {
                throw RESTFailure(110017, "Reduce-only rule not satisfied: orderQty will be truncated to zero")
            }
        }
        let quantity = try self.quantity(
            body,
            position,
            closesAll: reduceOnly && closeOnTrigger,
            exact: !reduceOnly,
            price: price
        )
        try self.checkCounts(account, position.market, conditional: trigger.price > 0)
        if !reduceOnly {
            let needed = instrument.value(quantity, at: position.market.mark) / max(1, position.state.leverage)
            guard needed <= account.balances[instrument.settle, default: 0] else {
                throw RESTFailure(110007, "ab not enough for new order")
            }
        }
        let order = Order(
            id: self.random.uuid(),
            link: link,
            position: position,
            side: side,
            quantity: quantity,
            price: price,
            isMarket: type == "Market",
            timeInForce: type == "Market" ? "IOC" : body["timeInForce"]?.text ?? "GTC",
            reduceOnly: reduceOnly,
            closeOnTrigger: closeOnTrigger,
            now: self.wire
        )
        order.takeProfit = takeProfit
        order.stopLoss = stopLoss
        if trigger.price > 0 {
            order.triggerPrice = trigger.price
            order.triggerDirection = trigger.direction
            order.triggerBy = body["triggerBy"]?.text ?? "LastPrice"
            order.status = .untriggered
        }
        return order
    }

    private static func isLink(_ link: String) -> Bool {
        link.utf8.count <= 36
            && link.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    private func limitPrice(_ body: JSONValue, type: String, side: Side, _ position: Position) throws(RESTFailure)
        -> Int64
    {
        guard type == "Limit" else { return 0 }
        guard let price = body["price"]?.units, price > 0, price % position.instrument.tick == 0 else {
            throw .parameter("params error: price invalid")
        }
        let mark = position.market.mark
        if side == .buy ? price > mark / 2 * 3 : price < mark / 2 {
            throw RESTFailure(110003, "Order price exceeds the allowable range.")
        }
        return price
    }

    private func trigger(_ body: JSONValue, _ position: Position) throws(RESTFailure) -> (price: Int64, direction: Int)
    {
        guard let text = body["triggerPrice"]?.text, !text.isEmpty, text != "0" else { return (0, 0) }
        guard let price = Units.parse(text), price > 0, price % position.instrument.tick == 0 else {
            throw .parameter("params error: triggerPrice invalid")
        }
        let direction = body["triggerDirection"]?.integer ?? (price > position.market.last ? 1 : 2)
        guard direction == 1 || direction == 2 else { throw .parameter("params error: triggerDirection invalid") }
        let base = position.market.last
        if direction == 1 ? price <= base : price >= base {
            throw RESTFailure(
                direction == 1 ? 110092 : 110093,
                "expect \(direction == 1 ? "Rising" : "Falling"), but trigger_price[\(price)] vs current[\(base)]"
            )
        }
        return (price, Int(direction))
    }

    private func quantity(_ body: JSONValue, _ position: Position, closesAll: Bool, exact: Bool, price: Int64)
        throws(RESTFailure) -> Int64
    {
        let instrument = position.instrument
        guard let quantity = body["qty"]?.units, quantity >= 0 else { throw .parameter("params error: Qty invalid") }
        if quantity == 0, closesAll { return max(position.state.size, instrument.quantityStep) }
        guard quantity >= instrument.minimumQuantity else {
            throw .parameter("The number of contracts is less than the minimum allowed")
        }
        guard instrument.hasStep(quantity) else { throw .parameter("Qty invalid") }
        guard exact else { return quantity }
        guard quantity <= instrument.maximumQuantity else {
            throw .parameter("The number of contracts exceeds maximum limit allowed: too large")
        }
        let reference = price > 0 ? price : position.market.mark
        guard instrument.value(quantity, at: reference) >= instrument.minimumNotional else {
            throw RESTFailure(110094, "Order does not meet minimum order value 5\(instrument.settle)")
        }
        return quantity
    }

    private func checkCounts(_ account: Account, _ market: Market, conditional: Bool) throws(RESTFailure) {
        var active = 0
        var waiting = 0
        for order in account.openOrders where order.market === market && order.stopKind == nil {
            if order.status == .untriggered { waiting += 1 } else { active += 1 }
        }
        if conditional, waiting >= 10 {
            throw RESTFailure(110009, "The number of stop orders exceeds the maximum allowable limit.")
        }
        if !conditional, active >= 500 {
            throw RESTFailure(110020, "You can't have more than 500 active orders at the same time")
        }
    }

    /// `POST /v5/order/cancel`: the order id wins over the link id.
    func cancelOrder(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let market = try self.tradedMarket(body)
        let id = body["orderId"]?.text
        let link = body["orderLinkId"]?.text
        guard id?.isEmpty == false || link?.isEmpty == false else {
            throw .parameter("params error: OrderId or orderLinkId is required")
        }
        guard let order = account.order(id: id, link: link), order.isOpen, order.market === market else {
            throw RESTFailure(110001, "order not exists or too late to cancel")
        }
        self.cancelOpen(order)
        return self.reference(order)
    }

    /// Cancelling a stop order of a position takes the stop off the position.
    private func cancelOpen(_ order: Order) {
        guard let kind = order.stopKind else {
            self.cancel(order, type: "CancelByUser", reason: "EC_PerCancelRequest")
            return
        }
        self.amend(order.position) { state in
            switch kind {
            case .stopLoss: state.stopLoss = 0
            case .takeProfit: state.takeProfit = 0
            case .trailing: state.setTrailing(0, activation: 0)
            }
        }
    }

    /// `POST /v5/order/cancel-all`.
    func cancelAll(_ account: Account, _ body: JSONValue) throws(RESTFailure) -> [UInt8] {
        let category = try self.derivativeCategory(body["category"]?.text)
        let symbol = body["symbol"]?.text
        let coin = body["settleCoin"]?.text
        let base = body["baseCoin"]?.text
        if category == .linear, symbol == nil, coin == nil, base == nil {
            throw .parameter("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
        }
        var json = JSONWriter(capacity: 400)
        json.raw("{\"list\":[")
        for order in account.openOrders where order.isOpen {
            let instrument = order.market.instrument
            guard instrument.category == category, symbol == nil || instrument.symbol == symbol,
                coin == nil || instrument.settle == coin, base == nil || instrument.base == base
            else { continue }
            self.cancelOpen(order)
            json.append(self.reference(order))
            json.raw(",")
        }
        json.dropComma()
        json.raw("],\"success\":\"1\"}")
        return json.bytes
    }

    /// `GET /v5/order/realtime`: newest first. `GET /v5/order/history` knows those alone that are at their end.
    func listOrders(_ account: Account, _ parameters: QueryParameters, onlyEnded: Bool = false) throws(RESTFailure)
        -> [UInt8]
    {
        let category = try self.derivativeCategory(parameters["category"])
        let symbol = parameters["symbol"]
        let coin = parameters["settleCoin"]
        let base = parameters["baseCoin"]
        if category == .linear, symbol == nil, coin == nil, base == nil, !onlyEnded {
            throw .parameter("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
        }
        let limit = try Self.pageSize(parameters["limit"], most: 50)
        let id = parameters["orderId"]
        let link = parameters["orderLinkId"]
        // A single order is found even when it is closed.
        let closed = onlyEnded || id != nil || link != nil || parameters["openOnly"] == "1"
        let all =
            (onlyEnded || parameters["openOnly"] == "1" ? [] : account.openOrders)
            + (closed ? account.closedOrders : [])
        var orders = all.filter { order in
            let instrument = order.market.instrument
            guard instrument.category == category, symbol == nil || instrument.symbol == symbol else { return false }
            guard coin == nil || instrument.settle == coin, base == nil || instrument.base == base else { return false }
            switch parameters["orderFilter"] {
            case "Order": if order.triggerPrice > 0 || order.stopKind != nil { return false }
            case "StopOrder": if order.triggerPrice == 0, order.stopKind == nil { return false }
            default: break
            }
            return (id == nil || order.id == id) && (link == nil || order.link == link)
        }
        orders.sort { ($0.createdTime, $0.id) > ($1.createdTime, $1.id) }
        var start = 0
        if let cursor = parameters["cursor"] {
            guard let last = Self.cursorValue(cursor) else { throw .parameter("Invalid cursor") }
            start = orders.firstIndex { $0.id == last }.map { $0 + 1 } ?? orders.count
        }
        let page = orders[min(start, orders.count)..<min(start + limit, orders.count)]
        var json = JSONWriter(capacity: 200 + page.count * 1000)
        json.text("{\"category\":\"", category.rawValue)
        json.raw("\"list\":[")
        for order in page {
            order.writeRow(for: .rest, into: &json)
            json.raw(",")
        }
        json.dropComma()
        json.raw("],\"nextPageCursor\":\"")
        if start + limit < orders.count, let first = page.first, let last = page.last {
            json.plain("first%3D\(first.id)%26last%3D\(last.id)")
        }
        json.raw("\"}")
        return json.bytes
    }
}
