extension RESTClient: TradingREST {
    private static let lookUpPatience = Duration.seconds(10)

    public func setTradingStop(_ request: TradingStopRequest, account: AccountIdentity) async throws {
        _ = try await self.request(.post("/v5/position/trading-stop", json: request.json), account: account)
    }

    public func closePosition(_ order: ClosingOrder, account: AccountIdentity) async throws {
        _ = try await self.request(.post("/v5/order/create", json: order.json), account: account)
    }

    /// Open orders and those closed of late come from one listing, older ones and, after a restart of the exchange's service,
    /// all that are closed from another. In this order, so that one which ends between the two requests is in the second.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/order/open-order,
    /// https://bybit-exchange.github.io/docs/v5/order/order-list
    public func order(
        linkID: String,
        category: Category,
        symbol: String,
        account: AccountIdentity
    ) async throws -> OrderInformation? {
        for path in ["/v5/order/realtime", "/v5/order/history"] {
            let request = RESTRequest.get(
                path,
                query: [("category", category.rawValue), ("symbol", symbol), ("orderLinkId", linkID)],
                priority: .high,
                patience: Self.lookUpPatience
            )
            let reply = try await self.request(request, account: account)
            var found: OrderInformation?
            try self.reading(request, account) { () throws(RESTError) in
                try reply.readResult { reader in
                    _ = try Listing.read(from: &reader) { reader in
                        let order = try OrderInformation.read(from: &reader)
                        if order.linkID == linkID { found = order }
                    }
                }
            }
            if let found { return found }
        }
        return nil
    }

    /// Source: https://bybit-exchange.github.io/docs/v5/position
    public func positions(category: Category, symbol: String, account: AccountIdentity) async throws -> [Position] {
        let request = RESTRequest.get(
            "/v5/position/list",
            query: [("category", category.rawValue), ("symbol", symbol)],
            priority: .high,
            patience: Self.lookUpPatience
        )
        let reply = try await self.request(request, account: account)
        var rows: [Position] = []
        try self.reading(request, account) { () throws(RESTError) in
            try reply.readResult { reader in
                _ = try Listing.read(from: &reader) { reader in
                    switch try PositionRow.read(from: &reader, category: category) {
                    case .success(let position): rows.append(position)
                    case .failure(let refusal):
                        throw RESTError(.malformed, message: Redaction.clean("a row cannot be read: \(refusal)"))
                    }
                }
            }
        }
        return rows
    }

    private func reading<Value>(
        _ request: RESTRequest,
        _ account: AccountIdentity,
        _ body: () throws(RESTError) -> Value
    ) throws(RESTError) -> Value {
        do {
            return try body()
        } catch {
            throw RESTClient.situated(error, request: request, account: account)
        }
    }
}
