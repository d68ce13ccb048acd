/// Everything the accounts' readers were told, against everything the exchange did.
///
/// Written from the contract of the events alone; it shares no code with the client. Facts have to be applied before the
/// events that they caused are judged.
final class SoakAudit {
    /// The published marks of one symbol.
    private struct Marks {
        var times: ContiguousArray<Int64> = []
        var cs: ContiguousArray<Int64> = []
        var prices: ContiguousArray<Int64> = []

        static let kept = 20_000

        mutating func add(_ price: Int64, cs: Int64, time: Int64) {
            self.times.append(time)
            self.cs.append(cs)
            self.prices.append(price)
            guard self.times.count > Self.kept * 2 else { return }
            self.times.removeFirst(Self.kept)
            self.cs.removeFirst(Self.kept)
            self.prices.removeFirst(Self.kept)
        }

        /// The first place whose value is above `bound`.
        static func place(in values: ContiguousArray<Int64>, above bound: Int64) -> Int {
            var low = 0
            var high = values.count
            while low < high {
                let middle = (low + high) / 2
                if values[middle] > bound { high = middle } else { low = middle + 1 }
            }
            return low
        }
    }

    let limit: Int64
    /// Nobody watched before.
    let start: Int64
    private(set) var accounts: [String: AccountAudit] = [:]
    private var marks: [String: Marks] = [:]
    /// Times in which rows were damaged, held back or dropped for everybody.
    private var disturbances: [AccountAudit.DeafTime] = []
    /// When a process of the daemon ended, and whether it was killed.
    private var ends: [(time: Int64, isCrash: Bool)] = []

    private(set) var problems: [SoakProblem] = []
    private(set) var problemCounts: [SoakProblem.Kind: Int] = [:]
    private(set) var causes: [String: Int] = [:]
    private(set) var eventCount = 0
    private(set) var lifecycleCount = 0
    private(set) var brokenLines = 0
    private(set) var gaps = GapMeter()
    private(set) var lateness = GapMeter()
    private(set) var rowCount = 0
    private(set) var markCount = 0

    private static let keptProblems = 60

    /// - Parameter limit: the longest time a position may go unwatched, in milliseconds.
    init(accounts: [String], start: Int64, limit: Int64) {
        self.start = start
        self.limit = limit
        for name in accounts { self.accounts[name] = AccountAudit(name) }
    }

    func complain(_ kind: SoakProblem.Kind, at time: Int64, _ place: @autoclosure () -> String, _ text: String) {
        self.problemCounts[kind, default: 0] += 1
        // Each kind gets its share of what is kept.
        guard self.problems.count(where: { $0.kind == kind }) < Self.keptProblems / 6 else { return }
        self.problems.append(SoakProblem(kind: kind, time: time, place: place(), text: text))
    }

    // MARK: What the runner does

    func disturbanceBegan(at time: Int64) {
        self.disturbances.append(AccountAudit.DeafTime(start: time, end: nil))
    }

    func disturbanceEnded(at time: Int64) {
        guard let last = self.disturbances.last, last.end == nil else { return }
        self.disturbances[self.disturbances.count - 1].end = time
        if self.disturbances.count > 200 { self.disturbances.removeFirst(100) }
    }

    func daemonEnded(at time: Int64, isCrash: Bool) {
        self.ends.append((time, isCrash))
    }

    // MARK: Facts

    func apply(_ placed: SoakFact.Placed) {
        switch placed.fact {
        case .mark(let symbol, let price, let cs):
            self.markCount += 1
            self.marks[symbol, default: Marks()].add(price, cs: cs, time: placed.time)
        case .position(let account, let leg, let state, let stamp, let openTime):
            self.rowCount += 1
            self.accounts[account]?.leg(leg, watchedFrom: self.start)
                .add(state, stamp, openTime: openTime, time: placed.time)
        case .socket(let kind, let account, let connection, let text):
            if kind == "subscribed", text == "position" {
                self.accounts[account]?.subscribed(connection, at: placed.time)
            } else if kind == "disconnected" {
                self.accounts[account]?.disconnected(connection, at: placed.time)
            }
        case .fault(let account, let text):
            self.apply(fault: text, account: account, at: placed.time)
        case .other:
            break
        }
    }

    private func apply(fault text: String, account: String, at time: Int64) {
        let words = text.split(separator: " ")
        let affected = account.isEmpty ? Array(self.accounts.values) : self.accounts[account].map { [$0] } ?? []
        if text == "clear" {
            for account in affected { account.faultsCleared(at: time) }
        } else if words.count == 2, words[1] != "public", words[0] == "half_open" || words[0] == "stall" {
            for account in affected { account.crippled(isStalled: words[0] == "stall", at: time) }
        }
    }

    // MARK: Events

    func judge(_ line: UnsafePointer<CChar>, of account: AccountAudit) {
        guard let event = SoakEvent.read(line) else {
            self.brokenLines += 1
            // The end of a killed process, or a fault of its own.
            if self.brokenLines > self.ends.count(where: \.isCrash) * self.accounts.count {
                self.complain(.numbers, at: 0, account.name, "not a line: \(String(cString: line).prefix(200))")
            }
            return
        }
        self.judge(event, of: account)
    }

    func judge(_ event: SoakEvent, of account: AccountAudit) {
        self.eventCount += 1
        self.causes[event.cause, default: 0] += 1
        let before = self.ends.prefix { $0.time <= event.emitted }
        let crashes = before.count(where: \.isCrash)
        account.count(event, crashes: crashes) { kind, text in
            self.complain(kind, at: event.emitted, account.name, text)
        }
        guard event.kind != .other else { return }
        let leg = account.leg(event.leg, watchedFrom: self.start)
        func complain(_ kind: SoakProblem.Kind, _ text: String) {
            self.complain(kind, at: event.emitted, "\(account.name) \(event.leg) n=\(event.n) \(event.cause)", text)
        }
        // With the history as it was before the event told more of it.
        if event.kind != .stale { self.measureGap(leg, account, event.leg, until: event.emitted) }
        if event.kind == .lifecycle || event.kind == .resync {
            self.lifecycleCount += event.kind == .lifecycle ? 1 : 0
            self.judgeLateness(event, leg, account, complain)
            leg.judge(event, isExcused: { self.isExcused($0, account) }, complain)
            if event.cause == "closed" { leg.lastMark = nil }
        } else if !leg.isToldOpen {
            complain(.afterClose, "the position was closed for its reader")
        } else if event.kind == .price {
            self.judgeMark(event, leg, complain)
        }
        if event.kind != .stale { leg.sign(at: event.emitted) }
    }

    private func isExcused(_ time: Int64, _ account: AccountAudit) -> Bool {
        account.wasDeaf(at: time) || self.disturbances.reversed().contains { $0.contains(time) }
    }

    private func judgeLateness(
        _ event: SoakEvent,
        _ leg: LegAudit,
        _ account: AccountAudit,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        let late = min(leg.lateness(of: event), max(0, event.emitted - self.start))
        self.lateness.add(late, end: event.emitted, place: "\(account.name) \(event.leg) \(event.cause)")
        if late > self.limit { complain(.late, "\(GapMeter.text(late)) after it happened") }
    }

    private func judgeMark(_ event: SoakEvent, _ leg: LegAudit, _ complain: (SoakProblem.Kind, String) -> Void) {
        // A mark of a REST row has no `cs`.
        guard event.isFromSocket, event.stamp.seq > 0, let marks = self.marks[event.leg.symbol] else { return }
        if let last = leg.lastMark, event.stamp.seq < last.cs {
            complain(.wrongMark, "cs \(event.stamp.seq) comes after \(last.cs)")
        }
        leg.lastMark = (event.stamp.seq, event.mark)
        let place = Marks.place(in: marks.cs, above: event.stamp.seq)
        // A snapshot, or a frame that repeats the mark, shows the newest one under a later cs.
        guard place > 0, marks.prices[place - 1] != event.mark else { return }
        complain(.wrongMark, "\(event.mark.unitsText) at \(event.stamp.seq), not \(marks.prices[place - 1].unitsText)")
    }

    // MARK: Silence

    private func measureGap(_ leg: LegAudit, _ account: AccountAudit, _ name: Leg, until end: Int64) {
        let marks = self.marks[name.symbol]
        let gap = leg.unwatched(until: end) { time in
            guard let marks else { return nil }
            let place = Marks.place(in: marks.times, above: time)
            return place < marks.times.count ? marks.times[place] : nil
        }
        guard gap > 0 else { return }
        self.gaps.add(gap, end: end, place: "\(account.name) \(name)")
        if gap > self.limit, leg.complainedSign != leg.lastSign {
            leg.complainedSign = leg.lastSign
            self.complain(.unwatched, at: end, "\(account.name) \(name)", GapMeter.text(gap))
        }
    }

    /// Looks at what has not been told until now, so that a position nobody speaks of any more is found as well.
    func review(now: Int64) {
        for account in self.accounts.values {
            for (name, leg) in account.legs {
                if leg.isOpen { self.measureGap(leg, account, name, until: now) }
                if let since = leg.untoldSince(), now - max(since, self.start) > self.limit,
                    leg.complainedSign != leg.lastSign
                {
                    leg.complainedSign = leg.lastSign
                    let text = leg.untold(upTo: now) ?? ""
                    self.complain(.late, at: now, "\(account.name) \(name)", "not told until now: \(text)")
                }
            }
        }
    }

    /// Whether everything that happened up to `time` has been told.
    func isCaughtUp(upTo time: Int64) -> Bool {
        self.accounts.values.allSatisfy { account in account.legs.values.allSatisfy { $0.untold(upTo: time) == nil } }
    }

    /// After the last event: everything that happened up to `time` must have been told.
    func finish(upTo time: Int64) {
        for account in self.accounts.values {
            for (name, leg) in account.legs {
                if let text = leg.untold(upTo: time) {
                    self.complain(.lost, at: time, "\(account.name) \(name)", "never told: \(text)")
                }
            }
            if account.holes > account.conflated {
                let text = "\(account.holes) numbers are missing, marks account for \(account.conflated)"
                self.complain(.numbers, at: time, account.name, text)
            }
        }
    }

    var legCount: Int { self.accounts.values.reduce(0) { $0 + $1.legs.count } }

    /// Symbols of which some account holds a position.
    var heldSymbols: Set<String> {
        var symbols: Set<String> = []
        for account in self.accounts.values {
            for (name, leg) in account.legs where leg.isOpen { symbols.insert(name.symbol) }
        }
        return symbols
    }
}
