/// Where a position row goes: the names of a few fields differ.
enum RowTarget { case socket, rest }

extension Position {
    /// A full position row, as of `state`.
    /// - Parameter mark: nil is the market's own.
    func writeRow(
        _ state: PositionState,
        for target: RowTarget,
        mark: Int64? = nil,
        neverTraded: SimulatorBehaviour.NeverTraded,
        unknownFields: Bool,
        into json: inout JSONWriter
    ) {
        let instrument = self.instrument
        let flat = state.size == 0
        let mark = mark ?? self.market.mark
        let style = self.account.unsetStyle
        let value = flat ? 0 : instrument.value(state.size, at: state.entry)
        let atMark = flat ? 0 : instrument.value(state.size, at: mark)
        json.raw("{\"positionIdx\":")
        json.integer(self.index)
        json.raw(",\"tradeMode\":0,\"riskId\":1,\"riskLimitValue\":\"2000000\",")
        json.text("\"symbol\":\"", instrument.symbol)
        json.text("\"side\":\"", state.side.rawValue)
        json.amount("\"size\":\"", state.size)
        switch target {
        case .socket: json.raw("\"entryPrice\":\"")
        case .rest: json.raw("\"avgPrice\":\"")
        }
        if !flat || style != 1 { json.units(state.entry) }
        json.raw("\",\"sessionAvgPrice\":\"\",")
        json.number("\"leverage\":\"", state.leverage)
        if flat && style == 1 {
            json.raw("\"positionValue\":\"\",")
        } else {
            json.amount("\"positionValue\":\"", value)
        }
        json.raw("\"positionBalance\":\"0\",")
        json.price("\"markPrice\":\"", mark, instrument.priceDecimals)
        let leverage = Int128(max(1, state.leverage))
        json.amount("\"positionIM\":\"", Units.narrow(Units.divide(Int128(value), by: leverage)))
        json.amount("\"positionIMByMp\":\"", Units.narrow(Units.divide(Int128(atMark), by: leverage)))
        json.amount("\"positionMM\":\"", Units.narrow(Units.divide(Int128(value), by: 200)))
        json.amount("\"positionMMByMp\":\"", Units.narrow(Units.divide(Int128(atMark), by: 200)))
        self.writeStop("\"takeProfit\":\"", state.takeProfit, into: &json)
        self.writeStop("\"stopLoss\":\"", state.stopLoss, into: &json)
        if state.trailing == 0 {
            json.raw("\"trailingStop\":\"0\",")
        } else {
            json.price("\"trailingStop\":\"", state.trailing, instrument.priceDecimals)
        }
        if flat && style == 1 {
            json.raw("\"unrealisedPnl\":\"\",")
        } else {
            let profit = state.profit(state.size, at: mark, instrument: instrument)
            json.amount("\"unrealisedPnl\":\"", profit)
        }
        json.amount("\"curRealisedPnl\":\"", state.realised)
        json.amount("\"cumRealisedPnl\":\"", state.realisedEver)
        json.number("\"createdTime\":\"", state.createdTime)
        json.number("\"updatedTime\":\"", state.updatedTime)
        json.raw("\"openTime\":")
        json.integer(state.openTime)
        json.raw(",\"tpslMode\":\"Full\",\"liqPrice\":\"")
        if flat { if style == 0 { json.raw("0") } } else { self.writeLiquidation(state, into: &json) }
        json.raw("\",\"bustPrice\":\"\",\"breakEvenPrice\":\"")
        if !flat { json.units(state.entry) } else if style == 0 { json.raw("0") }
        json.raw("\",")
        if target == .socket { json.text("\"category\":\"", instrument.category.rawValue) }
        if unknownFields {
            json.raw("\"positionStatus\":\"Settle\",\"newField2027\":{\"a\":[1,2],\"b\":null},\"newFlag\":true,")
        } else {
            json.raw("\"positionStatus\":\"Normal\",")
        }
        json.raw("\"adlRankIndicator\":")
        json.integer(flat ? 0 : 1 + self.account.number % 4)
        json.raw(",\"autoAddMargin\":0,\"leverageSysUpdatedTime\":\"\",\"mmrSysUpdatedTime\":\"\",\"seq\":")
        if state.sequence < 0, neverTraded == .string {
            json.raw("\"-1\"")
        } else {
            json.integer(state.sequence)
        }
        json.raw(",\"isReduceOnly\":false}")
    }

    private func writeStop(_ key: StaticString, _ price: Int64, into json: inout JSONWriter) {
        if price != 0 {
            json.price(key, price, self.instrument.priceDecimals)
            return
        }
        json.raw(key)
        switch self.account.unsetStyle {
        case 0: json.raw("0\",")
        case 1: json.raw("\",")
        default: json.raw("0.00\",")
        }
    }

    /// An estimate as under cross margin: empty when it lies outside the possible prices.
    private func writeLiquidation(_ state: PositionState, into json: inout JSONWriter) {
        guard self.account.number % 2 == 0 else { return }
        let distance = state.entry / max(1, state.leverage) / 100 * 95
        let price = self.instrument.onGrid(state.entry - distance * state.side.sign)
        json.units(price, decimals: self.instrument.priceDecimals)
    }
}

extension Order {
    /// A row of the `order` topic and of `GET /v5/order/realtime`.
    func writeRow(for target: RowTarget, into json: inout JSONWriter) {
        let instrument = self.market.instrument
        let decimals = instrument.priceDecimals
        json.raw("{")
        if target == .socket { json.text("\"category\":\"", instrument.category.rawValue) }
        json.text("\"symbol\":\"", instrument.symbol)
        json.text("\"orderId\":\"", self.id)
        json.text("\"orderLinkId\":\"", self.link)
        json.raw("\"blockTradeId\":\"\",")
        json.text("\"side\":\"", self.side.rawValue)
        json.raw("\"positionIdx\":")
        json.integer(self.position.index)
        json.text(",\"orderStatus\":\"", self.status.rawValue)
        json.text("\"cancelType\":\"", self.cancelType)
        json.text("\"rejectReason\":\"", self.rejectReason)
        json.text("\"timeInForce\":\"", self.timeInForce)
        json.raw("\"isLeverage\":\"\",")
        json.price("\"price\":\"", self.price, decimals)
        json.amount("\"qty\":\"", self.quantity)
        if self.filled == 0 {
            json.raw("\"avgPrice\":\"\",")
        } else {
            json.amount("\"avgPrice\":\"", self.averagePrice)
        }
        json.amount("\"leavesQty\":\"", self.isOpen ? self.leaves : 0)
        json.amount(
            "\"leavesValue\":\"",
            self.isOpen ? instrument.value(self.leaves, at: max(self.price, instrument.tick)) : 0
        )
        json.amount("\"cumExecQty\":\"", self.filled)
        json.amount("\"cumExecValue\":\"", self.filledValue)
        json.amount("\"cumExecFee\":\"", self.fee)
        json.amount("\"closedPnl\":\"", self.closedProfit)
        json.text("\"feeCurrency\":\"", "")
        json.raw(self.isMarket ? "\"orderType\":\"Market\"," : "\"orderType\":\"Limit\",")
        json.text("\"stopOrderType\":\"", self.stopKind?.rawValue ?? (self.triggerPrice > 0 ? "Stop" : ""))
        json.raw("\"orderIv\":\"\",")
        if self.triggerPrice > 0 {
            json.price("\"triggerPrice\":\"", self.triggerPrice, decimals)
        } else {
            json.raw("\"triggerPrice\":\"\",")
        }
        json.raw("\"takeProfit\":\"")
        if self.takeProfit > 0 { json.units(self.takeProfit, decimals: decimals) }
        json.raw("\",\"stopLoss\":\"")
        if self.stopLoss > 0 { json.units(self.stopLoss, decimals: decimals) }
        json.raw("\",\"triggerBy\":\"")
        json.plain(self.triggerBy)
        json.raw("\",\"tpTriggerBy\":\"\",\"slTriggerBy\":\"\",\"tpslMode\":\"\",\"triggerDirection\":")
        json.integer(self.triggerDirection)
        json.raw(",\"placeType\":\"\",\"lastPriceOnCreated\":\"\",\"closeOnTrigger\":")
        json.bool(self.closeOnTrigger)
        json.raw(",\"reduceOnly\":")
        json.bool(self.reduceOnly)
        json.raw(
            ",\"smpGroup\":0,\"smpType\":\"None\",\"smpOrderId\":\"\",\"slLimitPrice\":\"0\",\"tpLimitPrice\":\"0\","
        )
        json.text("\"createType\":\"", self.createType)
        json.number("\"createdTime\":\"", self.createdTime)
        json.number("\"updatedTime\":\"", self.updatedTime)
        json.dropComma()
        json.raw("}")
    }
}
