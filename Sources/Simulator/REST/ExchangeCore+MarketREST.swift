extension ExchangeCore {
    /// `/v5/market/…`: open to everyone.
    func answerMarket(_ request: RESTRequest) throws(RESTFailure) -> [UInt8] {
        guard request.method == "GET" else { throw RESTFailure(404, "") }
        let parameters = QueryParameters(request.query)
        var json = JSONWriter(capacity: 1024)
        switch request.path {
        case "/v5/market/time":
            json.raw("{\"timeSecond\":\"")
            json.integer(self.wire / 1000)
            json.raw("\",\"timeNano\":\"")
            json.integer(self.wire * 1_000_000 + 417_953)
            json.raw("\"}")
        case "/v5/market/tickers":
            let category = try self.category(parameters["category"])
            json.text("{\"category\":\"", category.rawValue)
            json.raw("\"list\":[")
            for market in try self.selected(category, parameters) {
                market.writeRow(into: &json)
                json.raw(",")
            }
            json.dropComma()
            json.raw("]}")
        case "/v5/market/instruments-info": try self.listInstruments(parameters, into: &json)
        default: throw RESTFailure(404, "")
        }
        return json.bytes
    }

    func category(_ name: String?) throws(RESTFailure) -> Category {
        guard let name else { throw .parameter("Missing some parameters that must be filled in, category") }
        guard let category = Category(rawValue: name) else { throw .parameter("params error: Category is invalid") }
        return category
    }

    private func selected(_ category: Category, _ parameters: QueryParameters) throws(RESTFailure) -> [Market] {
        if let symbol = parameters["symbol"] {
            guard let market = self.market(category, symbol) else {
                throw .parameter("params error: symbol invalid \(symbol)")
            }
            return [market]
        }
        let base = parameters["baseCoin"]
        return self.markets.filter {
            $0.instrument.category == category && (base == nil || $0.instrument.base == base)
        }
    }

    private func listInstruments(_ parameters: QueryParameters, into json: inout JSONWriter) throws(RESTFailure) {
        let category = try self.category(parameters["category"])
        let markets = try self.selected(category, parameters)
        let limit = Int(min(1000, max(1, parameters["limit"].flatMap { Int64($0) } ?? 500)))
        var start = 0
        if let cursor = parameters["cursor"] {
            guard let last = Self.cursorValue(cursor), let position = Int(last) else {
                throw .parameter("Invalid cursor")
            }
            start = min(max(0, position), markets.count)
        }
        let end = category == .spot ? markets.count : min(markets.count, start + limit)
        json.text("{\"category\":\"", category.rawValue)
        json.raw("\"list\":[")
        for market in markets[start..<end] {
            market.writeInstrument(into: &json)
            json.raw(",")
        }
        json.dropComma()
        json.raw("],\"nextPageCursor\":\"")
        if end < markets.count { json.plain("first%3D\(start)%26last%3D\(end)") }
        json.raw("\"}")
    }

    /// What follows `last=` in a cursor that may still be percent-encoded.
    static func cursorValue(_ cursor: String) -> String? {
        var text = cursor
        for _ in 0..<2 where text.contains("%") { text = QueryParameters.decode(text) }
        guard text.hasPrefix("first=") else { return nil }
        let parts = text.split(separator: "&", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("last=") else { return nil }
        return String(parts[1].dropFirst("last=".count))
    }
}
