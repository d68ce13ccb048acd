extension RESTClient {
    static let timePath = "/v5/market/time"

    /// Asks the exchange for its time; the ``clock`` takes it over.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/market/time
    /// - Throws: ``RESTError``.
    public func synchronizeClock() async throws {
        let exchange = try await self.exchange(.get(Self.timePath, priority: .high), account: nil)
        guard exchange.serverMilliseconds > 0 else {
            throw RESTError(
                .malformed,
                message: "the reply does not tell the time",
                endpoint: "GET \(Self.timePath)"
            )
        }
    }

    /// What the exchange says about the account's key: the best first call, since any key may make it.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/user/apikey-info
    /// - Throws: ``RESTError``; ``RESTError/isPermanentForAccount`` says whether the key is of no use.
    public func keyInformation(
        _ account: AccountIdentity,
        priority: RateBudget.Priority = .normal
    ) async throws -> KeyInformation {
        let request = RESTRequest.get("/v5/user/query-api", priority: priority)
        let exchange = try await self.exchange(request, account: account)
        return try self.located(request, account) { () throws(RESTError) in
            try exchange.reply.readResult(KeyInformation.read)
        }
    }

    /// Lists what an account holds, to the last page. Never throws: what could be had is returned, and
    /// ``PositionSweep/isComplete`` says whether absence means anything.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/position
    /// - Parameter settleCoins: one listing each, for linear positions; inverse positions come in one.
    public func sweepPositions(
        _ account: AccountIdentity,
        category: Category,
        settleCoins: [String],
        priority: RateBudget.Priority = .normal
    ) async -> PositionSweep {
        var sweeper = PositionSweeper(category: category, settleCoins: settleCoins, now: self.time.uptime())
        while let query = sweeper.nextQuery {
            do {
                let exchange = try await self.exchange(
                    .get("/v5/position/list", query: query, priority: priority),
                    account: account
                )
                sweeper.received(
                    exchange.reply,
                    sent: exchange.sent,
                    at: exchange.received,
                    serverMilliseconds: exchange.serverMilliseconds
                )
            } catch {
                sweeper.failed(error, at: self.time.uptime())
            }
        }
        return sweeper.result
    }

    /// Prices of one symbol, or of all.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/market/tickers
    /// - Throws: ``RESTError``.
    public func tickers(
        category: Category,
        symbol: String? = nil,
        priority: RateBudget.Priority = .normal
    ) async throws -> [TickerQuote] {
        var query = [(name: "category", value: category.rawValue)]
        if let symbol { query.append(("symbol", symbol)) }
        let request = RESTRequest.get("/v5/market/tickers", query: query, priority: priority)
        let exchange = try await self.exchange(request, account: nil)
        return try self.located(request, nil) { () throws(RESTError) in
            try exchange.reply.readResult {
                try TickerQuote.readList(from: &$0, time: exchange.serverMilliseconds)
            }
        }
    }

    /// Everything that is traded in a category, all pages.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/market/instrument
    /// - Throws: ``RESTError``.
    public func instruments(
        category: Category,
        priority: RateBudget.Priority = .normal
    ) async throws -> [Instrument] {
        var instruments: [Instrument] = []
        var paging = Paging(limit: 1000)
        while !paging.isComplete {
            var query = [(name: "category", value: category.rawValue), (name: "limit", value: "\(paging.limit)")]
            if !paging.cursor.isEmpty { query.append(("cursor", paging.cursor)) }
            let request = RESTRequest.get("/v5/market/instruments-info", query: query, priority: priority)
            let exchange = try await self.exchange(request, account: nil)
            try self.located(request, nil) { () throws(RESTError) in
                let page = try exchange.reply.readResult { reader in
                    try Listing.read(from: &reader) { reader in
                        if let instrument = try Instrument.read(from: &reader) { instruments.append(instrument) }
                    }
                }
                try paging.received(page)
            }
        }
        return instruments
    }

    /// Adds to an error of reading a reply where it came from.
    private func located<Value>(
        _ request: RESTRequest,
        _ account: AccountIdentity?,
        _ body: () throws(RESTError) -> Value
    ) throws(RESTError) -> Value {
        do {
            return try body()
        } catch {
            throw RESTClient.situated(error, request: request, account: account)
        }
    }
}
