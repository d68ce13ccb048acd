extension ExchangeCore {
    func recordRow(_ position: Position, _ cause: RowCause) {
        self.note(
            .position,
            account: position.account,
            detail: .row(position, position.state, cause, mark: position.market.mark)
        )
    }

    /// The row once more, because an order came or went: nothing in it changed.
    func repeatRow(_ position: Position) {
        guard self.behaviour.repeatsRowsOnOrders else { return }
        self.recordRow(position, .repeat)
        self.pushRows([position])
    }

    /// Position rows of one account and category, in one frame. A hedged symbol sometimes brings its other leg along.
    func pushRows(_ positions: [Position]) {
        guard let first = positions.first, !first.account.sockets.isEmpty else { return }
        var positions = positions
        if positions.count == 1, first.index > 0, self.random.chance(25) {
            positions.append(first.account.position(first.market, 3 - first.index))
        }
        let rows = positions.map { position in
            var json = JSONWriter(capacity: 1100)
            position.writeRow(
                position.state,
                for: .socket,
                neverTraded: self.behaviour.neverTradedSeq,
                unknownFields: self.faults.unknownFields,
                into: &json
            )
            return json.bytes
        }
        self.deliver(
            Delivery(
                kind: .position,
                account: first.account,
                category: first.instrument.category,
                rows: rows,
                id: self.messageID(first.account, "position"),
                created: self.wire
            )
        )
    }

    func pushOrder(_ order: Order) {
        self.note(.order, account: order.account, detail: .order(order, order.status, filled: order.filled))
        guard !order.account.sockets.isEmpty else { return }
        var json = JSONWriter(capacity: 1000)
        order.writeRow(for: .socket, into: &json)
        self.deliver(
            Delivery(
                kind: .order,
                account: order.account,
                category: order.market.instrument.category,
                rows: [json.bytes],
                id: self.messageID(order.account, "order"),
                created: self.wire
            )
        )
    }

    func pushExecution(
        _ order: Order,
        _ quantity: Int64,
        _ price: Int64,
        _ value: Int64,
        _ fee: Int64,
        _ profit: Int64,
        _ closed: Int64,
        _ sequence: Int64
    ) {
        let id = self.random.uuid()
        guard !order.account.sockets.isEmpty else { return }
        let instrument = order.market.instrument
        var json = JSONWriter(capacity: 900)
        json.text("{\"category\":\"", instrument.category.rawValue)
        json.text("\"symbol\":\"", instrument.symbol)
        json.amount("\"closedSize\":\"", closed)
        json.amount("\"execFee\":\"", fee)
        json.text("\"execId\":\"", id)
        json.price("\"execPrice\":\"", price, instrument.priceDecimals)
        json.amount("\"execQty\":\"", quantity)
        json.raw("\"execType\":\"Trade\",")
        json.amount("\"execValue\":\"", value)
        json.raw("\"feeRate\":\"0.00055\",\"tradeIv\":\"\",\"markIv\":\"\",\"blockTradeId\":\"\",")
        json.price("\"markPrice\":\"", order.market.mark, instrument.priceDecimals)
        json.raw("\"indexPrice\":\"\",\"underlyingPrice\":\"\",")
        json.amount("\"leavesQty\":\"", order.leaves)
        json.text("\"orderId\":\"", order.id)
        json.text("\"orderLinkId\":\"", order.link)
        json.price("\"orderPrice\":\"", order.price, instrument.priceDecimals)
        json.amount("\"orderQty\":\"", order.quantity)
        json.raw(order.isMarket ? "\"orderType\":\"Market\"," : "\"orderType\":\"Limit\",")
        json.text("\"stopOrderType\":\"", order.stopKind?.rawValue ?? "UNKNOWN")
        json.text("\"side\":\"", order.side.rawValue)
        json.number("\"execTime\":\"", self.wire)
        json.text("\"createType\":\"", order.createType)
        json.amount("\"execPnl\":\"", profit)
        json.text("\"feeCurrency\":\"", instrument.settle)
        json.raw("\"isLeverage\":\"0\",\"isMaker\":false,\"extraFees\":\"\",\"seq\":")
        json.integer(sequence)
        json.raw("}")
        var fast = JSONWriter(capacity: 300)
        fast.text("{\"category\":\"", instrument.category.rawValue)
        fast.text("\"symbol\":\"", instrument.symbol)
        fast.text("\"execId\":\"", id)
        fast.price("\"execPrice\":\"", price, instrument.priceDecimals)
        fast.amount("\"execQty\":\"", quantity)
        fast.text("\"orderId\":\"", order.id)
        fast.text("\"orderLinkId\":\"", order.link)
        fast.text("\"side\":\"", order.side.rawValue)
        fast.number("\"execTime\":\"", self.wire)
        fast.raw("\"isMaker\":false,\"seq\":")
        fast.integer(sequence)
        fast.raw("}")
        for (kind, row) in [(PrivateTopic.Kind.execution, json.bytes), (.fastExecution, fast.bytes)] {
            self.deliver(
                Delivery(
                    kind: kind,
                    account: order.account,
                    category: instrument.category,
                    rows: [row],
                    id: "\(order.account.uid)_\(instrument.symbol)_\(sequence)",
                    created: self.wire
                )
            )
        }
    }

    func pushWallet(_ account: Account) {
        guard !account.sockets.isEmpty else { return }
        self.deliver(
            Delivery(
                kind: .wallet,
                account: account,
                category: nil,
                rows: [self.wallet(of: account, coins: nil)],
                id: self.messageID(account, "wallet"),
                created: self.wire
            )
        )
    }

    /// The wallet object of topic and REST: equity in USD over all coins, then the coins.
    func wallet(of account: Account, coins: Set<String>?) -> [UInt8] {
        var coinRows = JSONWriter(capacity: 1200)
        var walletTotal: Int64 = 0
        var profitTotal: Int64 = 0
        for coin in account.balances.keys.sorted() {
            let balance = account.balances[coin] ?? 0
            var profit: Int64 = 0
            var margin: Int64 = 0
            for position in account.positions.values
            where position.state.size > 0 && position.instrument.settle == coin {
                let state = position.state
                profit += state.profit(state.size, at: position.market.mark, instrument: position.instrument)
                margin += position.instrument.value(state.size, at: state.entry) / max(1, state.leverage)
            }
            let price = self.market(.inverse, coin + "USD")?.mark ?? Units.one
            let dollars = Units.multiply(balance, price)
            walletTotal += dollars
            profitTotal += Units.multiply(profit, price)
            if let coins, !coins.contains(coin) { continue }
            coinRows.text("{\"coin\":\"", coin)
            coinRows.amount("\"equity\":\"", balance + profit)
            coinRows.amount("\"usdValue\":\"", Units.multiply(balance + profit, price))
            coinRows.amount("\"walletBalance\":\"", balance)
            coinRows.raw("\"availableToWithdraw\":\"\",\"availableToBorrow\":\"\",\"borrowAmount\":\"0\",")
            coinRows.raw("\"accruedInterest\":\"0\",\"totalOrderIM\":\"0\",")
            coinRows.amount("\"totalPositionIM\":\"", margin)
            coinRows.amount("\"totalPositionMM\":\"", margin / 20)
            coinRows.amount("\"unrealisedPnl\":\"", profit)
            coinRows.raw("\"cumRealisedPnl\":\"0\",\"bonus\":\"0\",\"locked\":\"0\",\"spotBorrow\":\"0\",")
            coinRows.raw("\"spotHedgingQty\":\"0\",\"marginCollateral\":true,\"collateralSwitch\":true},")
        }
        coinRows.dropComma()
        var json = JSONWriter(capacity: 1600)
        json.raw("{\"accountType\":\"UNIFIED\",\"accountLTV\":\"\",\"accountIMRate\":\"0\",\"accountMMRate\":\"0\",")
        json.amount("\"totalEquity\":\"", walletTotal + profitTotal)
        json.amount("\"totalWalletBalance\":\"", walletTotal)
        json.amount("\"totalMarginBalance\":\"", walletTotal + profitTotal)
        json.amount("\"totalAvailableBalance\":\"", walletTotal + profitTotal)
        json.amount("\"totalPerpUPL\":\"", profitTotal)
        json.raw("\"totalInitialMargin\":\"0\",\"totalMaintenanceMargin\":\"0\",\"coin\":[")
        json.append(coinRows.bytes)
        json.raw("]}")
        return json.bytes
    }
}
