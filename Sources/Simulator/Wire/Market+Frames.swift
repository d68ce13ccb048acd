extension Market {
    /// A ticker frame: everything (`snapshot`) or the changed groups only (`delta`).
    func frame(snapshot: Bool, groups: Groups, now: Int64, unknownFields: Bool) -> [UInt8] {
        var json = JSONWriter(capacity: snapshot ? 900 : 360)
        json.text("{\"topic\":\"", self.topic)
        if snapshot || self.instrument.category == .spot {
            json.raw("\"type\":\"snapshot\",\"data\":{\"symbol\":\"")
        } else {
            json.raw("\"type\":\"delta\",\"data\":{\"symbol\":\"")
        }
        json.plain(self.instrument.symbol)
        json.raw("\",")
        if self.instrument.category == .spot {
            self.writeSpot(into: &json)
        } else if snapshot {
            self.writeAll(into: &json)
        } else {
            self.write(groups, into: &json)
        }
        if unknownFields { json.raw("\"newField2027\":\"x\",\"newObject\":{\"a\":[1,2.5,null,true],\"b\":{}},") }
        json.dropComma()
        json.raw("},\"cs\":")
        json.integer(self.sequence)
        json.raw(",\"ts\":")
        json.integer(now)
        json.raw("}")
        return json.bytes
    }

    private func writeAll(into json: inout JSONWriter) {
        let decimals = self.instrument.priceDecimals
        self.write([.last, .range], into: &json)
        json.price("\"prevPrice24h\":\"", self.dayAgo, decimals)
        json.price("\"prevPrice1h\":\"", self.hourAgo, decimals)
        self.write([.mark, .index, .interest], into: &json)
        self.write([.funding, .bid, .ask], into: &json)
        json.text("\"fundingIntervalHour\":\"", String(self.instrument.fundingHours))
        json.raw("\"fundingCap\":\"0.005\",\"preOpenPrice\":\"\",\"preQty\":\"\",\"curPreListingPhase\":\"\",")
    }

    private func write(_ groups: Groups, into json: inout JSONWriter) {
        let decimals = self.instrument.priceDecimals
        if groups.contains(.last) {
            json.raw("\"tickDirection\":\"")
            json.raw(self.tickDirection)
            json.raw("\",\"price24hPcnt\":\"")
            json.units(self.dayChange, decimals: 6)
            json.raw("\",")
            json.price("\"lastPrice\":\"", self.last, decimals)
            json.price("\"turnover24h\":\"", self.turnover, 4)
            json.amount("\"volume24h\":\"", self.volume)
        }
        if groups.contains(.range) {
            json.price("\"highPrice24h\":\"", self.high, decimals)
            json.price("\"lowPrice24h\":\"", self.low, decimals)
        }
        if groups.contains(.mark) { json.price("\"markPrice\":\"", self.mark, decimals) }
        if groups.contains(.index) { json.price("\"indexPrice\":\"", self.index, decimals) }
        if groups.contains(.interest) {
            json.amount("\"openInterest\":\"", self.openInterest)
            json.amount("\"singleOpenInterest\":\"", self.openInterest / 2)
        }
        if !groups.isDisjoint(with: [.mark, .interest]) {
            let value = self.instrument.value(self.openInterest, at: self.mark)
            json.price("\"openInterestValue\":\"", value, 2)
            json.price("\"singleOpenInterestValue\":\"", value / 2, 2)
        }
        if groups.contains(.funding) {
            json.number("\"nextFundingTime\":\"", self.nextFunding)
            json.amount("\"fundingRate\":\"", self.fundingRate)
        }
        if groups.contains(.bid) {
            json.price("\"bid1Price\":\"", self.bid, decimals)
            json.amount("\"bid1Size\":\"", self.bidSize)
        }
        if groups.contains(.ask) {
            json.price("\"ask1Price\":\"", self.ask, decimals)
            json.amount("\"ask1Size\":\"", self.askSize)
        }
    }

    private func writeSpot(into json: inout JSONWriter) {
        let decimals = self.instrument.priceDecimals
        json.price("\"lastPrice\":\"", self.last, decimals)
        json.price("\"highPrice24h\":\"", self.high, decimals)
        json.price("\"lowPrice24h\":\"", self.low, decimals)
        json.price("\"prevPrice24h\":\"", self.dayAgo, decimals)
        json.amount("\"volume24h\":\"", self.volume)
        json.amount("\"turnover24h\":\"", self.turnover)
        json.raw("\"price24hPcnt\":\"")
        json.units(self.dayChange, decimals: 4)
        json.raw("\",\"usdIndexPrice\":\"")
        json.units(self.index)
        json.raw("\",")
    }

    private var dayChange: Int64 { Units.ratio(self.last - self.dayAgo, self.dayAgo) }

    /// The row of `GET /v5/market/tickers`.
    func writeRow(into json: inout JSONWriter) {
        json.text("{\"symbol\":\"", self.instrument.symbol)
        if self.instrument.category == .spot {
            self.write([.bid, .ask], into: &json)
            self.writeSpot(into: &json)
        } else {
            self.writeAll(into: &json)
            json.raw(
                "\"predictedDeliveryPrice\":\"\",\"basisRate\":\"\",\"deliveryFeeRate\":\"\",\"deliveryTime\":\"0\","
            )
            json.raw("\"basis\":\"\",\"basisRateYear\":\"\",")
        }
        json.dropComma()
        json.raw("}")
    }

    /// The row of `GET /v5/market/instruments-info`.
    func writeInstrument(into json: inout JSONWriter) {
        let instrument = self.instrument
        json.text("{\"symbol\":\"", instrument.symbol)
        switch instrument.category {
        case .linear: json.raw("\"contractType\":\"LinearPerpetual\",")
        case .inverse: json.raw("\"contractType\":\"InversePerpetual\",")
        case .spot: break
        }
        json.raw("\"status\":\"Trading\",")
        json.text("\"baseCoin\":\"", instrument.base)
        json.text("\"quoteCoin\":\"", instrument.quote)
        json.number("\"launchTime\":\"", instrument.launchTime)
        json.raw("\"deliveryTime\":\"0\",\"deliveryFeeRate\":\"\",")
        json.text("\"priceScale\":\"", String(instrument.priceDecimals))
        json.raw("\"leverageFilter\":{\"minLeverage\":\"1\",\"maxLeverage\":\"100.00\",\"leverageStep\":\"0.01\"},")
        json.price("\"priceFilter\":{\"minPrice\":\"", instrument.tick, instrument.priceDecimals)
        json.price("\"maxPrice\":\"", instrument.onGrid(instrument.basePrice * 20), instrument.priceDecimals)
        json.price("\"tickSize\":\"", instrument.tick, instrument.priceDecimals)
        json.dropComma()
        json.amount("},\"lotSizeFilter\":{\"maxOrderQty\":\"", instrument.maximumQuantity)
        json.amount("\"minOrderQty\":\"", instrument.minimumQuantity)
        json.amount("\"qtyStep\":\"", instrument.quantityStep)
        json.amount("\"postOnlyMaxOrderQty\":\"", instrument.maximumQuantity)
        json.amount("\"maxMktOrderQty\":\"", instrument.maximumQuantity)
        json.amount("\"minNotionalValue\":\"", instrument.minimumNotional)
        json.dropComma()
        json.raw("},\"unifiedMarginTrade\":true,\"fundingInterval\":")
        json.integer(instrument.fundingHours * 60)
        json.text(",\"settleCoin\":\"", instrument.settle)
        json.raw("\"copyTrading\":\"both\",\"upperFundingRate\":\"0.00375\",\"lowerFundingRate\":\"-0.00375\",")
        json.raw("\"isPreListing\":false,\"preListingInfo\":null,\"displayName\":\"\",")
        json.raw("\"riskParameters\":{\"priceLimitRatioX\":\"0.01\",\"priceLimitRatioY\":\"0.02\"}}")
    }
}
