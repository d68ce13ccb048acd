package import HybridStream

/// Carries out actions over REST. Never throws: what went wrong is an answer.
package struct TradingExchange: ActionExchange {
    /// Tells a symbol's rules as they are known now; nil if they are not. A close does not wait for them.
    package typealias Rules = @Sendable (String) async -> Instrument?

    private let rest: any TradingREST
    private let account: AccountIdentity
    private let rules: Rules

    package init(rest: any TradingREST, account: AccountIdentity, rules: @escaping Rules) {
        self.rest = rest
        self.account = account
        self.rules = rules
    }

    package func send(_ action: Action) async -> ActionAnswer {
        if let flaw = Self.flaw(of: action) { return ActionAnswer(.impossible, text: flaw) }
        do {
            switch action.intent {
            case .setStop(let price, let trigger):
                try await self.rest.setTradingStop(
                    TradingStopRequest(key: action.opening.key, stopLoss: price, triggerBy: trigger.rawValue),
                    account: self.account
                )
            case .setTrailingStop(let distance, let activation, let trigger):
                try await self.rest.setTradingStop(
                    TradingStopRequest(
                        key: action.opening.key,
                        trailingStop: distance,
                        activation: activation,
                        triggerBy: trigger.rawValue
                    ),
                    account: self.account
                )
            case .closePosition(let method):
                try await self.rest.closePosition(await self.order(action, method), account: self.account)
            }
            return ActionAnswer(.accepted, code: 0)
        } catch let error as RESTError {
            return Self.answer(error)
        } catch {
            return ActionAnswer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "\(error)")
        }
    }

    /// What the exchange would take for something else than was meant: a price of zero takes the stop off the position, a
    /// quantity of zero closes whatever is there.
    private static func flaw(of action: Action) -> String? {
        let key = action.opening.key
        switch action.intent {
        case .setStop(let price, _):
            guard !price.isPositive else { return nil }
            return "not sent: a stop of \(price) would leave \(key) without one"
        case .setTrailingStop(let distance, _, _):
            guard !distance.isPositive else { return nil }
            return "not sent: a trailing distance of \(distance) would leave \(key) without a trailing stop"
        case .closePosition(.limit(let price)) where !price.isPositive:
            return "not sent: \(price) is not a price to close \(key) at"
        case .closePosition:
            if !action.size.isPositive { return "not sent: nothing of \(key) was there to close" }
            guard action.opening.side == .none else { return nil }
            return "not sent: which side \(key) is on is not known"
        }
    }

    private func order(_ action: Action, _ method: Intent.CloseMethod) async -> ClosingOrder {
        var order = ClosingOrder(
            key: action.opening.key,
            side: action.opening.side,
            quantity: action.size,
            linkID: action.id
        )
        if case .limit(let price) = method { order.limit = price }
        // Without rules the exchange decides on the size as it is: it can only refuse.
        guard let rules = await self.rules(order.key.symbol) else { return order }
        switch ClosingQuantity(action.size, rules: rules, isMarket: order.limit == nil) {
        case .part(let quantity): order.quantity = quantity
        case .rest: order.quantity = .zero
        }
        return order
    }

    static func answer(_ error: RESTError) -> ActionAnswer {
        var text = error.retMsg.isEmpty ? error.message : error.retMsg
        if !error.advice.isEmpty { text += "; \(error.advice)" }
        let kind: ActionAnswer.Kind =
            switch TradingVerdict(error) {
            case .unchanged: .unchanged
            case .flat: .flat
            case .duplicate: .duplicate
            case .ambiguous(let wasAnswered):
                .ambiguous(wasAnswered: wasAnswered, isRateLimit: TradingVerdict.isRateLimit(error))
            case .refused(let isRateLimit): .refused(isRateLimit: isRateLimit)
            case .impossible: .impossible
            }
        return ActionAnswer(kind, code: error.retCode, text: text)
    }

    package func findOrder(_ action: Action) async -> ActionFinding {
        let key = action.opening.key
        do {
            let order = try await self.rest.order(
                linkID: action.id,
                category: key.category,
                symbol: key.symbol,
                account: self.account
            )
            guard let order else { return .noOrder }
            if !order.isEnded { return .orderIsOpen }
            let hasReason = !order.rejectReason.isEmpty && order.rejectReason != "EC_NoError"
            return .orderEnded(
                executed: order.executed,
                reason: hasReason ? "\(order.status), \(order.rejectReason)" : order.status
            )
        } catch {
            return .failed("\(error)")
        }
    }

    package func findPosition(_ action: Action) async -> ActionFinding {
        let key = action.opening.key
        do {
            let rows = try await self.rest.positions(
                category: key.category,
                symbol: key.symbol,
                account: self.account
            )
            // Asked for a symbol the exchange lists its rows also when they are flat, so no row at all is no answer.
            if rows.isEmpty { return .failed("the exchange has listed no row of \(key.symbol), not even a flat one") }
            // Of the legs that a symbol can have, those that are not in use in the account's mode are not listed.
            return .position(
                rows.first { $0.key == key }
                    ?? Position(key: key, side: .none, size: .zero, entryPrice: .zero)
            )
        } catch {
            return .failed("\(error)")
        }
    }
}
