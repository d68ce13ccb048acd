import HybridStream

@testable import Orchestrator

/// A desk with a clock, and its effects as text.
struct DeskRig {
    var desk: AccountDesk
    /// Milliseconds since 1970 and since the start.
    var wall: Int64 = 1_790_000_000_000
    var n: Int64 = 0
    var journalled: [Action] = []
    var symbol = "BTCUSDT"
    /// Instruments that were asked for again.
    var refreshes = 0

    init(
        stop: Bool = true,
        trailing: Bool = true,
        aged: Bool = true,
        isDryRun: Bool = false,
        _ change: (inout Strategy) -> Void = { _ in }
    ) {
        var strategy = Strategy()
        if stop { strategy.positionManager = PositionManagerParameters() }
        if trailing { strategy.trailingStop = TrailingStopParameters() }
        if aged { strategy.agedMonitor = AgedMonitorParameters() }
        change(&strategy)
        self.desk = AccountDesk(DeskSettings(account: "sub-001", strategy: strategy, isDryRun: isDryRun))
        self.desk.setTickSize(FixedPoint(mantissa: 1, scale: 1), of: "BTCUSDT")
    }

    var time: DeskTime { DeskTime(wall: self.wall, uptime: Uptime(nanoseconds: self.wall * 1_000_000)) }

    static func row(
        _ amount: Int,
        entry: Int = 1_000,
        stop: String = "",
        index: Int = 0,
        symbol: String = "BTCUSDT",
        open: Int64 = 1_789_999_990_000
    ) -> Position {
        Position(
            key: PositionKey(category: .linear, symbol: symbol, positionIndex: index),
            side: amount > 0 ? .buy : amount < 0 ? .sell : .none,
            size: FixedPoint(abs(amount)),
            entryPrice: FixedPoint(amount == 0 ? 0 : entry),
            stopLoss: stop,
            openTime: amount == 0 ? 0 : open
        )
    }

    /// An event for every consumer; returns what it led to.
    mutating func event(
        _ cause: PositionUpdate.Cause,
        _ position: Position,
        mark: String? = "1000",
        stale: Bool = false,
        slot: Int = 0
    ) -> [String] {
        self.n += 1
        let update = PositionUpdate(
            cause: cause,
            source: .hybrid,
            position: position,
            slot: slot,
            mark: mark.flatMap { FixedPoint($0) },
            stale: stale,
            seq: self.n,
            exchangeTime: self.wall,
            receivedTime: self.wall
        )
        for seat in self.desk.settings.seats where !self.desk.isQuiet(seat, update) {
            do {
                try self.desk.handle(seat, update, n: self.n, at: self.time)
            } catch {
                return ["\(seat.name) failed: \(error)"]
            }
        }
        return self.effects()
    }

    mutating func step(_ body: (inout AccountDesk, DeskTime) -> Void) -> [String] {
        body(&self.desk, self.time)
        return self.effects()
    }

    /// The newest action is in the journal, and was sent.
    mutating func commit() -> [String] {
        guard let id = self.journalled.last?.id else { return ["nothing is journalled"] }
        return self.step { $0.journalled(id, at: $1) }
    }

    mutating func answer(_ kind: ActionAnswer.Kind, code: Int? = nil, text: String = "") -> [String] {
        guard let id = self.journalled.last?.id else { return ["nothing is journalled"] }
        return self.step { $0.answered(id, ActionAnswer(kind, code: code, text: text), at: $1) }
    }

    mutating func find(_ finding: ActionFinding) -> [String] {
        guard let id = self.journalled.last?.id else { return ["nothing is journalled"] }
        return self.step { $0.found(id, finding, at: $1) }
    }

    /// Lets time pass, and the desk's timers with it.
    mutating func wait(_ milliseconds: Int64) -> [String] {
        self.wall += milliseconds
        guard let deadline = self.desk.nextDeadline, deadline <= self.time.uptime else { return [] }
        return self.step { $0.timeReached(at: $1) }
    }

    private mutating func effects() -> [String] {
        var texts: [String] = []
        while self.desk.hasEffects {
            for effect in self.desk.takeEffects() {
                if case .journal(let action) = effect { self.journalled.append(action) }
                // That it is asked for again is not of interest to every test.
                if case .needInstrument(let symbol) = effect, self.desk.tickSizes[symbol] != nil {
                    self.refreshes += 1
                    continue
                }
                texts.append(Self.text(effect))
            }
        }
        return texts
    }

    static func text(_ effect: DeskEffect) -> String {
        func what(_ action: Action) -> String {
            let values = action.parameters.filter { $0.name != "trigger_by" }.map(\.value).joined(separator: " ")
            return "\(action.name) \(values)"
        }
        switch effect {
        case .journal(let action): return "journal \(action.seat.letter)\(action.attempt) \(what(action))"
        case .note(_, let outcome, let code, let text):
            return "note \(outcome.rawValue)\(code.map { " \($0)" } ?? "")\(text.isEmpty ? "" : ": \(text)")"
        case .send(let action): return "send \(action.seat.letter)\(action.attempt) \(what(action))"
        case .findOrder: return "find order"
        case .findPosition: return "find position"
        case .tell(.action(let action)): return "tell \(action.outcome.rawValue)"
        case .tell(.alert(let alert)): return "alert \(alert.code) \(alert.state.rawValue)"
        case .tell(let event): return "tell \(event)"
        case .sweep: return "sweep"
        case .needInstrument(let symbol): return "need \(symbol)"
        case .forget(let opening): return "forget \(opening.key.symbol)"
        case .virtualExit(_, let price, let seat):
            return "exit at \(price.map { "\($0)" } ?? "the mark") by \(seat.name)"
        }
    }
}
