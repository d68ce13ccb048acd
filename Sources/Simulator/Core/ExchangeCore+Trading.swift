/// Taker fee in units: 0.055 %.
private let takerFee: Int64 = 55_000

extension ExchangeCore {
    /// The exchange takes up an order it acknowledged a moment ago.
    func execute(_ order: Order) {
        guard order.isOpen else { return }
        if order.triggerPrice > 0, order.status == .untriggered {
            order.market.orders.append(order)
            self.pushOrder(order)
            self.repeatRow(order.position)
            return
        }
        self.enter(order)
    }

    /// A conditional order's price was met.
    func trigger(_ order: Order) {
        order.market.orders.removeAll { $0 === order }
        order.status = .triggered
        order.updatedTime = self.wire
        self.pushOrder(order)
        order.status = .new
        self.enter(order)
    }

    /// An order without a condition meets the book: it fills, rests or dies.
    private func enter(_ order: Order) {
        let market = order.market
        guard !order.isMarket else {
            self.match(order, at: nil)
            return
        }
        let best = order.side == .buy ? market.ask : market.bid
        let crosses = (order.price - best) * order.side.sign >= 0
        switch order.timeInForce {
        case "IOC", "FOK":
            if crosses {
                self.match(order, at: nil)
            } else {
                self.cancel(order, type: "CancelByUser", reason: "EC_NoImmediateQtyToFill")
            }
        case "PostOnly" where crosses:
            self.cancel(order, type: "CancelByPrepareLiq", reason: "EC_PostOnlyWillTakeLiquidity")
        default:
            if crosses {
                self.match(order, at: nil)
            } else {
                market.orders.append(order)
                self.pushOrder(order)
                self.repeatRow(order.position)
            }
        }
    }

    /// Fills an order, in one or several pieces; at the book's price when none is given.
    func match(_ order: Order, at fixedPrice: Int64?) {
        let position = order.position
        let instrument = position.instrument
        if order.reduceOnly || position.index != 0 && !self.opens(order) {
            let available = position.state.side == order.side ? 0 : position.state.size
            if available == 0 {
                self.cancel(order, type: "CancelByReduceOnly", reason: "EC_NoError")
                return
            }
            order.quantity = min(order.quantity, order.filled + available)
        }
        let pieces = fixedPrice == nil ? self.pieces(of: order.leaves, step: instrument.quantityStep) : [order.leaves]
        let best = order.side == .buy ? position.market.ask : position.market.bid
        for (number, quantity) in pieces.enumerated() {
            var price = fixedPrice ?? best + Int64(number) * instrument.tick * order.side.sign
            if fixedPrice == nil, order.price > 0 {
                price = order.side == .buy ? min(price, order.price) : max(price, order.price)
            }
            self.fill(order, quantity, at: max(instrument.tick, price))
        }
    }

    private func opens(_ order: Order) -> Bool {
        order.position.index == 1 ? order.side == .buy : order.side == .sell
    }

    private func pieces(of quantity: Int64, step: Int64) -> [Int64] {
        let steps = quantity / step
        let most = min(Int64(self.behaviour.fillsPerOrder), steps / 2)
        let count = self.random.between(1, max(1, most))
        guard count > 1, quantity % step == 0 else { return [quantity] }
        let share = steps / count * step
        var pieces = [Int64](repeating: share, count: Int(count))
        pieces[0] += quantity - share * count
        return pieces
    }

    /// One fill: the position, the wallet and the order change, and everyone is told.
    private func fill(_ order: Order, _ quantity: Int64, at price: Int64) {
        let position = order.position
        let account = position.account
        let market = position.market
        let instrument = market.instrument
        let time = self.wire
        let value = instrument.value(quantity, at: price)
        let fee = Units.multiply(value, takerFee)
        let before = position.state
        let sequence = market.nextSequence()
        var cause = RowCause.open
        self.change(position) { state in
            cause = state.apply(order.side, quantity, at: price, fee: fee, instrument: instrument, now: time)
            state.sequence = sequence
        }
        let profit = position.state.realisedEver - before.realisedEver + fee
        account.balances[instrument.settle, default: 0] += profit - fee
        order.filled += quantity
        order.filledValue += value
        order.filledCost += Int128(quantity) * Int128(price)
        order.fee += fee
        order.closedProfit += profit
        order.updatedTime = time
        order.status = order.leaves > 0 ? .partiallyFilled : .filled
        if order.status == .filled {
            account.finish(order)
            if let kind = order.stopKind { position.stopOrders[kind] = nil }
        }
        if cause == .open || cause == .flip { self.takeOverStops(from: order) }
        self.note(
            .execution,
            account: account,
            detail: .execution(order, price: price, quantity: quantity, sequence: sequence)
        )
        self.recordRow(position, cause)
        let closed = before.size == 0 ? 0 : min(quantity, before.side == order.side ? 0 : before.size)
        // The order of topics around one fill is not promised.
        let turn = self.behaviour.shufflesTopics ? self.random.below(3) : 0
        for step in 0..<3 {
            switch (step + turn) % 3 {
            case 0: self.pushExecution(order, quantity, price, value, fee, profit, closed, sequence)
            case 1: self.pushRows([position])
            default: self.pushOrder(order)
            }
        }
        self.pushWallet(account)
        if cause == .close || cause == .flip { self.cleanUp(after: position) } else { self.syncStopOrders(position) }
    }

    private func takeOverStops(from order: Order) {
        guard order.takeProfit > 0 || order.stopLoss > 0 else { return }
        self.change(order.position) { state in
            state.takeProfit = order.takeProfit
            state.stopLoss = order.stopLoss
        }
    }

    /// After a close or a flip nothing may be left that belonged to the old position.
    private func cleanUp(after position: Position) {
        self.syncStopOrders(position)
        for order in position.account.openOrders
        where order.position === position && order.reduceOnly && order.stopKind == nil {
            self.cancel(order, type: "CancelByReduceOnly", reason: "EC_NoError")
        }
    }

    /// Changes a position's numbers; keeps the former ones while sweeps are made stale.
    func change(_ position: Position, _ body: (inout PositionState) -> Void) {
        if self.faults.sweepAge > 0 {
            let account = position.account
            let key = Position.key(position.market, position.index)
            account.history.append((self.now, key, position.state))
            if account.history.count > 10_000 { account.history.removeFirst(1000) }
        }
        body(&position.state)
    }

    func cancel(_ order: Order, type: String, reason: String) {
        guard order.isOpen else { return }
        order.status = order.status == .untriggered && order.stopKind != nil ? .deactivated : .cancelled
        order.cancelType = type
        order.rejectReason = reason
        order.updatedTime = self.wire
        order.account.finish(order)
        self.pushOrder(order)
        self.repeatRow(order.position)
    }

    /// A stop of a position fires: its order turns into a market order that closes the position.
    func fireStop(_ kind: StopKind, of position: Position) {
        let order = position.stopOrders[kind] ?? self.makeStopOrder(kind, of: position)
        position.stopOrders[kind] = nil
        order.quantity = position.state.size
        order.status = .triggered
        order.updatedTime = self.wire
        self.pushOrder(order)
        self.match(order, at: nil)
    }

    private func makeStopOrder(_ kind: StopKind, of position: Position) -> Order {
        let order = Order(
            id: self.random.uuid(),
            link: "",
            position: position,
            side: position.state.side.opposite,
            quantity: position.state.size,
            reduceOnly: true,
            closeOnTrigger: true,
            now: self.wire
        )
        order.stopKind = kind
        order.createType = "CreateBy\(kind.rawValue)"
        order.status = .untriggered
        let rises = (kind == .takeProfit) == (position.state.side == .buy)
        order.triggerDirection = rises ? 1 : 2
        position.account.openOrders.append(order)
        position.stopOrders[kind] = order
        return order
    }

    /// Brings the conditional orders behind the stops in line with the position.
    func syncStopOrders(_ position: Position) {
        let state = position.state
        for kind in StopKind.allCases {
            let price = kind.price(in: state)
            if price == 0 {
                guard let order = position.stopOrders.removeValue(forKey: kind) else { continue }
                order.status = .deactivated
                order.cancelType = state.size == 0 ? "CancelByTpSlTsClear" : "CancelByUser"
                order.updatedTime = self.wire
                order.account.finish(order)
                self.pushOrder(order)
                continue
            }
            let isNew = position.stopOrders[kind] == nil
            let order = position.stopOrders[kind] ?? self.makeStopOrder(kind, of: position)
            let trigger = kind == .trailing ? state.activation : price
            let byMark = kind == .stopLoss ? state.stopByMark : kind == .takeProfit && state.profitByMark
            guard isNew || order.triggerPrice != trigger || order.quantity != state.size else { continue }
            order.triggerPrice = trigger
            order.triggerBy = byMark ? "MarkPrice" : "LastPrice"
            order.quantity = state.size
            order.updatedTime = self.wire
            self.pushOrder(order)
        }
    }

    /// A setting of the position changed: leverage, stops. The sequence stays that of the last trade.
    func amend(_ position: Position, _ body: (inout PositionState) -> Void) {
        let time = self.wire
        self.change(position) { state in
            body(&state)
            state.updatedTime = time
            if state.createdTime == 0 { state.createdTime = time }
        }
        self.recordRow(position, .amend)
        self.pushRows([position])
        self.syncStopOrders(position)
    }

    /// Opens, adds or closes without an order from outside, at the mark.
    func trade(_ position: Position, _ side: Side, _ quantity: Int64, reduceOnly: Bool = false) {
        let order = Order(
            id: self.random.uuid(),
            link: "",
            position: position,
            side: side,
            quantity: quantity,
            reduceOnly: reduceOnly,
            now: self.wire
        )
        position.account.openOrders.append(order)
        self.match(order, at: position.market.mark)
    }
}
