extension ExchangeCore {
    /// One step of all prices, published at once, so that a snapshot never shows what no delta carried.
    func stepMarkets() {
        for market in self.markets {
            if self.pricesRunning { market.step(now: self.wire) }
            if !market.changed.isEmpty { self.publish(market) }
        }
    }

    /// Sends what changed to the subscribers, and lets the change act on stops and orders.
    func publish(_ market: Market) {
        let groups = market.changed
        market.changed = []
        _ = market.nextSequence()
        if groups.contains(.mark), self.options.recordMarks, market.instrument.category != .spot {
            self.record.appendMark(market, stamp: self.wire, now: self.now)
        }
        if !market.subscribers.isEmpty, !market.silenced {
            let connections = market.subscribers.filter { number in
                guard let socket = self.sockets[number] else { return false }
                return !socket.isStalled && !socket.isHalfOpen && !socket.isClosing
            }
            if !connections.isEmpty {
                let frame = market.frame(
                    snapshot: false,
                    groups: groups,
                    now: self.wire,
                    unknownFields: self.faults.unknownFields
                )
                self.outbox.append(.broadcast(bytes: frame, connections: connections))
            }
        }
        if !groups.isDisjoint(with: [.mark, .last, .index]) { self.checkTriggers(market) }
    }

    /// Stops of positions, conditional orders and resting limit orders against the new prices.
    private func checkTriggers(_ market: Market) {
        for position in market.positions where position.state.hasStops && position.state.size > 0 {
            if let kind = position.state.firingStop(last: market.last, mark: market.mark) {
                self.fireStop(kind, of: position)
            }
        }
        guard !market.orders.isEmpty else { return }
        for order in market.orders {
            if order.triggers(last: market.last, mark: market.mark, index: market.index) {
                self.trigger(order)
            } else if order.status == .new || order.status == .partiallyFilled, order.price > 0,
                (order.price - market.mark) * order.side.sign >= 0
            {
                self.match(order, at: order.price)
            }
        }
    }

    /// Gives rows of one topic to everyone who subscribed it, through the faults that act on rows.
    func deliver(_ delivery: Delivery) {
        guard !delivery.account.sockets.isEmpty else { return }
        guard delivery.kind == .position else {
            self.distribute(delivery)
            return
        }
        if self.faults.rowsToDrop > 0 {
            if self.faults.rowsToDrop < Int.max { self.faults.rowsToDrop -= 1 }
            return
        }
        for _ in 0..<(self.faults.duplicatesRows ? 2 : 1) {
            if self.faults.rowDelay > 0 {
                self.schedule.add(.deliver(delivery), due: self.now + self.faults.rowDelay)
            } else if self.faults.reordersRows {
                self.reorder(delivery)
            } else {
                self.distribute(delivery)
            }
        }
    }

    /// Holds one delivery back until the next one overtook it, or a quarter of a second passed.
    private func reorder(_ delivery: Delivery) {
        let account = delivery.account
        if let held = account.heldRows {
            account.heldRows = nil
            // Rows of the same millisecond may bear the same stamps; nobody could tell then that they overtook each other.
            let inOrder = held.created == delivery.created
            self.distribute(inOrder ? held : delivery)
            self.distribute(inOrder ? delivery : held)
        } else {
            account.heldRows = delivery
            self.schedule.add(.flushHeld(account), due: self.now + 250)
        }
    }

    func distribute(_ delivery: Delivery) {
        var frames: [String: [UInt8]] = [:]
        for number in delivery.account.sockets {
            guard let socket = self.sockets[number] else { continue }
            for topic in socket.topics where topic.kind == delivery.kind {
                if let category = topic.category, category != delivery.category?.rawValue { continue }
                let name = self.behaviour.echoCategorisedTopic ? topic.text : topic.kind.rawValue
                let frame = frames[name] ?? Self.frame(delivery, topic: name)
                frames[name] = frame
                self.send(frame, to: socket, isData: true)
            }
        }
    }

    private static func frame(_ delivery: Delivery, topic: String) -> [UInt8] {
        var json = JSONWriter(capacity: delivery.rows.reduce(160) { $0 + $1.count })
        json.raw("{")
        if delivery.kind != .fastExecution { json.field("id", delivery.id) }
        json.field("topic", topic)
        json.raw("\"creationTime\":")
        json.integer(delivery.created)
        json.raw(",\"data\":[")
        for (position, row) in delivery.rows.enumerated() {
            if position > 0 { json.raw(",") }
            json.append(row)
        }
        json.raw("]}")
        return json.bytes
    }

    func messageID(_ account: Account, _ symbol: String) -> String {
        self.lastMessage += 1
        return "\(account.uid)_\(symbol)_\(self.lastMessage)"
    }
}
