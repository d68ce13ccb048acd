extension RESTClient: AccountREST {
    public func checkKey(_ account: AccountIdentity) async -> AccountMachine.KeyVerdict {
        do {
            _ = try await self.keyInformation(account)
            return .usable
        } catch let error as RESTError {
            return error.isPermanentForAccount ? .refused("\(error)") : .unknown("\(error)")
        } catch {
            return .unknown("\(error)")
        }
    }

    public func sweep(
        _ account: AccountIdentity,
        category: Category,
        settleCoins: [String],
        isUrgent: Bool
    ) async -> PositionSweep {
        await self.sweepPositions(
            account,
            category: category,
            settleCoins: settleCoins,
            priority: isUrgent ? .high : .normal
        )
    }
}

extension RESTClient: TickerREST {
    /// Up to so many symbols are asked for one by one; more are cheaper in one listing of all.
    private static let singleQuotes = 5

    public func quotes(category: Category, symbols: [String]) async -> [TickerQuote] {
        do {
            if symbols.count > Self.singleQuotes {
                let wanted = Set(symbols)
                return try await self.tickers(category: category, priority: .high).filter { wanted.contains($0.symbol) }
            }
        } catch {
            return []
        }
        var quotes: [TickerQuote] = []
        for symbol in symbols {
            do {
                quotes += try await self.tickers(category: category, symbol: symbol, priority: .high)
            } catch {
                // A symbol that the exchange does not know any more; the others are asked for all the same.
                continue
            }
        }
        return quotes
    }
}

extension PositionSweep {
    /// Every page came. Only then may the book be touched: what a broken listing says is neither complete nor newer.
    public var isUsable: Bool { self.failure == nil }

    /// It fitted into one page, so that nothing can have slipped from page to page meanwhile.
    public var isOneMoment: Bool { self.rows.count + self.refused.count < PositionSweeper.pageLimit }
}
