extension ExchangeCore {
    func writeAccount(_ account: Account, into json: inout JSONWriter) {
        json.raw("{\"name\":")
        json.quoted(account.name)
        json.text(",\"api_key\":\"", account.apiKey)
        json.text("\"api_secret\":\"", account.apiSecret)
        json.dropComma()
        json.raw("}")
    }

    private func writeURLs(into json: inout JSONWriter) {
        json.field("public_linear", self.urls.publicLinear)
        json.field("public_inverse", self.urls.publicInverse)
        json.field("public_spot", self.urls.publicSpot)
        json.field("private", self.urls.privateStream)
        json.field("rest", self.urls.rest)
        json.field("control", self.urls.control)
    }

    /// URLs, and each account's name, key and secret, on one line.
    func accountList() -> [UInt8] {
        var json = JSONWriter(capacity: 400 + self.accounts.count * 120)
        json.raw("{")
        self.writeURLs(into: &json)
        json.raw("\"accounts\":[")
        for account in self.accounts {
            self.writeAccount(account, into: &json)
            json.raw(",")
        }
        json.dropComma()
        json.raw("]}")
        return json.bytes
    }

    /// Connections, positions, orders and marks as they are.
    func stateReport() -> [UInt8] {
        var json = JSONWriter(capacity: 4096)
        json.raw("{\"now\":")
        json.integer(self.now)
        json.raw(",\"next_index\":")
        json.integer(self.record.next)
        json.raw(",\"connections\":[")
        for number in self.sockets.keys.sorted() {
            if let socket = self.sockets[number] { self.write(socket, into: &json) }
        }
        json.dropComma()
        json.raw("],\"positions\":[")
        for account in self.accounts {
            let held = account.held.sorted { Position.key($0.market, $0.index) < Position.key($1.market, $1.index) }
            for position in held { self.write(position, into: &json) }
        }
        json.dropComma()
        json.raw("],\"orders\":[")
        for account in self.accounts {
            for order in account.openOrders {
                order.writeRow(for: .socket, into: &json)
                json.raw(",")
            }
        }
        json.dropComma()
        json.raw("],\"marks\":[")
        for market in self.markets {
            json.text("{\"category\":\"", market.instrument.category.rawValue)
            json.text("\"symbol\":\"", market.instrument.symbol)
            json.price("\"mark\":\"", market.mark, market.instrument.priceDecimals)
            json.price("\"last\":\"", market.last, market.instrument.priceDecimals)
            json.raw("\"cs\":")
            json.integer(market.sequence)
            json.raw("},")
        }
        json.dropComma()
        json.raw("]}")
        return json.bytes
    }

    private func write(_ socket: SocketState, into json: inout JSONWriter) {
        json.raw("{\"connection\":")
        json.integer(socket.number)
        json.text(",\"socket\":\"", socket.kind.text)
        json.field("account", socket.account?.name)
        json.raw("\"opened\":")
        json.integer(socket.openedAt)
        json.raw(",\"half_open\":")
        json.bool(socket.isHalfOpen)
        json.raw(",\"stalled\":")
        json.bool(socket.isStalled)
        json.raw(",\"topics\":[")
        for number in socket.tickers.sorted() {
            json.quoted(self.markets[number].topic)
            json.raw(",")
        }
        for topic in socket.topics {
            json.quoted(topic.text)
            json.raw(",")
        }
        json.dropComma()
        json.raw("]},")
    }

    private func write(_ position: Position, into json: inout JSONWriter) {
        let state = position.state
        json.raw("{\"account\":")
        json.quoted(position.account.name)
        json.text(",\"category\":\"", position.instrument.category.rawValue)
        json.text("\"symbol\":\"", position.instrument.symbol)
        json.raw("\"position_idx\":")
        json.integer(position.index)
        json.text(",\"side\":\"", state.side.rawValue)
        json.amount("\"size\":\"", state.size)
        json.amount("\"entry_price\":\"", state.entry)
        json.price("\"mark\":\"", position.market.mark, position.instrument.priceDecimals)
        json.amount("\"stop_loss\":\"", state.stopLoss)
        json.amount("\"take_profit\":\"", state.takeProfit)
        json.amount("\"trailing_stop\":\"", state.trailing)
        let profit = state.profit(state.size, at: position.market.mark, instrument: position.instrument)
        json.amount("\"unrealised_pnl\":\"", profit)
        json.raw("\"seq\":")
        json.integer(state.sequence)
        json.raw(",\"updated_time\":")
        json.integer(state.updatedTime)
        json.raw(",\"open_time\":")
        json.integer(state.openTime)
        json.raw("},")
    }
}
