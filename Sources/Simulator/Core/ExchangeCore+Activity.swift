extension ExchangeCore {
    /// Lets the accounts trade by themselves, at a rate that grows with their number.
    func act() {
        // Per twentieth of a second: a thousandth of an operation times this, per account.
        let rate = self.options.activity == .high ? 50 : 3
        self.activityDebt += rate * self.accounts.count
        while self.activityDebt >= 1000 {
            self.activityDebt -= 1000
            self.actOnce()
        }
    }

    private func actOnce() {
        guard !self.accounts.isEmpty else { return }
        let account = self.accounts[self.activityRandom.below(self.accounts.count)]
        let held = account.held.sorted { Position.key($0.market, $0.index) < Position.key($1.market, $1.index) }
        let wish = self.activityRandom.below(100)
        if held.isEmpty || wish < 20 && held.count < self.options.activityPositions {
            self.openSomething(account)
            return
        }
        let position = held[self.activityRandom.below(held.count)]
        let state = position.state
        let step = position.instrument.quantityStep
        switch wish {
        case ..<40: self.trade(position, state.side, self.activityRandom.between(1, 20) * step)
        case ..<60:
            let steps = state.size / step
            let part = self.activityRandom.between(1, max(1, steps - 1)) * step
            self.trade(position, state.side.opposite, min(part, state.size), reduceOnly: true)
        case ..<65 where position.index == 0:
            self.trade(position, state.side.opposite, state.size + self.activityRandom.between(1, 20) * step)
        case ..<78: self.trade(position, state.side.opposite, state.size, reduceOnly: true)
        default: self.setSomeStop(position)
        }
    }

    private func openSomething(_ account: Account) {
        // Mostly linear symbols, as in real life; now and then an inverse one.
        let category = self.activityRandom.chance(90) ? Category.linear : .inverse
        let choices = self.markets.filter { $0.instrument.category == category }
        guard !choices.isEmpty else { return }
        let market = choices[self.activityRandom.below(choices.count)]
        let hedged = account.hedged && market.instrument.canHedge
        let index = hedged ? 1 + self.activityRandom.below(2) : 0
        let side: Side = hedged ? (index == 1 ? .buy : .sell) : self.activityRandom.chance(50) ? .buy : .sell
        let position = account.position(market, index)
        guard position.state.size == 0 else { return }
        let quantity = self.activityRandom.between(1, 100) * market.instrument.quantityStep
        self.trade(position, side, quantity)
    }

    private func setSomeStop(_ position: Position) {
        let instrument = position.instrument
        let mark = position.market.mark
        let distance = mark / 1000 * self.activityRandom.between(5, 60)
        let sign = position.state.side.sign
        let kind = self.activityRandom.below(4)
        self.amend(position) { state in
            switch kind {
            case 0: state.stopLoss = instrument.onGrid(mark - distance * sign)
            case 1: state.takeProfit = instrument.onGrid(mark + distance * sign)
            case 2: state.setTrailing(instrument.onGrid(distance), activation: 0)
            default: state.stopLoss = 0
            }
        }
    }
}
