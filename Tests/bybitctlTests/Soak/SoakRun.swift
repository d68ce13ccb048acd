import Foundation
import Testing

/// One soak from its start to its report: an exchange, a daemon, faults, and the audit that watches.
///
/// The run has three parts. The daemon is killed and restarted in the first and the last; in between one process lives
/// through all other faults, and its memory is measured. Then everything is well again, and must be seen to be.
final class SoakRun {
    private let settings: SoakSettings
    private let place: Workplace
    private let exchange: Exchange
    private let daemon: Daemon
    private let audit: SoakAudit
    private let feed: SoakFeed
    private let driver: FaultDriver
    private let symbols: [String]
    private var memory = MemoryMeter()
    private var memoryLines: [String] = []
    private let began: Int64
    private var nextPoll: Int64 = 0
    private var nextSample: Int64 = 0
    private var nextProgress: Int64
    private var slowestPoll: Int64 = 0

    private static let restartsUntil = 0.15
    private static let restartsFrom = 0.9

    static func start(_ settings: SoakSettings, in place: Workplace) async throws -> SoakRun {
        let exchange = try await Exchange.start(
            in: place,
            accounts: settings.accounts,
            symbols: settings.symbols,
            activity: settings.activity,
            seed: settings.seed
        )
        for (number, account) in exchange.ready.accounts.enumerated() where number % 3 == 0 {
            // Some trade already and stay as they are.
            try await exchange.attempt("/accounts/hedge", ["account": .string(account.name), "on": .flag(true)])
        }
        try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(settings.tick)])
        let daemon = try await Daemon.start(settings.file(exchange), in: place)
        try await daemon.waitUntilHealthy()
        return try await SoakRun(settings, place, exchange, daemon)
    }

    private init(_ settings: SoakSettings, _ place: Workplace, _ exchange: Exchange, _ daemon: Daemon) async throws {
        self.settings = settings
        self.place = place
        self.exchange = exchange
        self.daemon = daemon
        self.began = WallTime.now()
        self.nextProgress = self.began + 30_000
        let names = exchange.ready.accounts.map(\.name)
        self.symbols = try await exchange.marks().map(\.symbol)
        self.audit = SoakAudit(accounts: names, start: self.began, limit: settings.limit)
        self.feed = try SoakFeed(exchange, daemon, self.audit, hides: settings.hides)
        let schedule = FaultSchedule(seed: settings.seed, accounts: names, symbols: self.symbols)
        self.driver = FaultDriver(
            exchange: exchange,
            daemon: daemon,
            audit: self.audit,
            schedule: schedule,
            seed: settings.seed
        )
    }

    private var length: Double { self.settings.minutes * 60_000 }

    private func moment(_ share: Double) -> Int64 { self.began + Int64(self.length * share) }

    /// Runs it all and says what was wrong.
    func run() async throws -> [SoakProblem] {
        do {
            try await self.runToTheEnd()
        } catch {
            self.audit.complain(.run, at: WallTime.now(), "the run", "\(error)")
        }
        self.say(self.report())
        return self.audit.problems
    }

    private func runToTheEnd() async throws {
        self.say(
            "soak: \(self.settings.accounts) accounts, \(self.settings.symbols) symbols, \(self.settings.minutes) min, "
                + "seed \(self.settings.seed), \(Workplace.program.path)"
        )
        let restarts = FaultDriver.Restarts.every(milliseconds: max(8_000, min(60_000, Int(self.length / 20))))
        self.driver.allow(restarts)
        try await self.soak(until: self.moment(Self.restartsUntil))
        self.driver.allow(.none)
        // What an account needs at most it needs sooner or later: memory grows ever more slowly for some minutes.
        let warm = max(self.moment(0.5), WallTime.now() + Int64(self.length * 0.05))
        try await self.soak(until: self.moment(Self.restartsFrom))
        self.judgeMemory(warm: warm, end: WallTime.now())
        self.driver.allow(restarts)
        try await self.soak(until: self.moment(1))
        self.driver.allow(.none)
        try await self.driver.calm()
        try await self.quietPhase()
        try await self.end()
    }

    // MARK: The loop

    private func soak(until end: Int64) async throws {
        while WallTime.now() < end {
            try await self.driver.step()
            try await self.look()
            try await ContinuousClock().sleep(for: .milliseconds(50))
        }
    }

    /// Polls, measures and reports when it is time for it.
    private func look() async throws {
        if WallTime.now() >= self.nextPoll {
            let before = WallTime.now()
            try await self.feed.poll()
            self.slowestPoll = max(self.slowestPoll, WallTime.now() - before)
            self.nextPoll = before + 1_000
        }
        if WallTime.now() >= self.nextSample {
            self.memory.sample(self.daemon.process.pid)
            self.nextSample = WallTime.now() + 2_000
        }
        if WallTime.now() >= self.nextProgress {
            self.audit.review(now: WallTime.now() - 1_000)
            self.sayProgress()
            self.nextProgress += 30_000
        }
        if !self.daemon.process.isRunning { throw Disappointment("the daemon ended: \(self.daemon.process.errors)") }
    }

    private func judgeMemory(warm: Int64, end: Int64) {
        let window = max(6_000, Int64(self.length * 0.05))
        guard let first = self.memory.median(from: warm, to: warm + window),
            let last = self.memory.median(from: end - window, to: end)
        else {
            self.memoryLines.append("memory was not measured: the run is too short")
            return
        }
        let ratio = Double(last) / Double(first)
        let rounded = Double(Int(ratio * 1_000)) / 1_000
        self.memoryLines.append(
            "memory: \(MemoryMeter.text(first)) MiB after warm-up, \(MemoryMeter.text(last)) MiB at the end: × \(rounded)"
        )
        // What a shorter run is warm after is not warm.
        if ratio > SoakSettings.memoryRatio, self.settings.minutes >= SoakSettings.memoryMinutes {
            self.audit.complain(.run, at: end, "memory", "grew by × \(rounded)")
        }
    }

    // MARK: The end

    /// Nothing is broken any more: the daemon has to say so, and to be right.
    private func quietPhase() async throws {
        let calm = WallTime.now()
        do {
            try await eventually("health", within: .seconds(60)) {
                try await self.look()
                return try await self.daemon.status().document.health == "healthy"
            }
            self.say("healthy \(GapMeter.text(WallTime.now() - calm)) after the last fault")
            try await eventually("a price for every held symbol", within: .seconds(30)) {
                try await self.look()
                let held = Set(
                    try await self.exchange.state().positions.filter { $0.category == "linear" }.map(\.symbol)
                )
                let tickers = try await self.daemon.status().document.tickers
                return tickers.desired == held.count && tickers.receiving == held.count
            }
            try await self.compareBooks()
            // A connection that a fault has left half open is healthy for as long as a ping may take.
            try await eventually("every change told", within: .milliseconds(self.audit.limit)) {
                try await self.look()
                return self.audit.isCaughtUp(upTo: WallTime.now() - 2_000)
            }
        } catch let error as Disappointment {
            self.audit.complain(.run, at: WallTime.now(), "the quiet phase", "\(error)")
        }
    }

    /// Book and truth of each account, at some moment at which the exchange did nothing to it meanwhile.
    private func compareBooks() async throws {
        var open = Set(self.exchange.ready.accounts.map(\.name))
        var differences: [String: String] = [:]
        let deadline = WallTime.now() + 30_000
        while !open.isEmpty, WallTime.now() < deadline {
            try await self.look()
            let before = Self.books(try await self.exchange.state())
            let told = try await self.daemon.status().document
            let after = Self.books(try await self.exchange.state())
            for account in told.accounts
            where open.contains(account.name) && before[account.name] == after[account.name] {
                let book = Set(
                    (account.positions ?? []).map {
                        "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size) \($0.entryPrice)"
                    }
                )
                let truth = before[account.name] ?? []
                if book == truth, account.health == "healthy" {
                    open.remove(account.name)
                } else {
                    differences[account.name] =
                        "\(account.health), holds \(book.subtracting(truth).sorted()), "
                        + "lacks \(truth.subtracting(book).sorted())"
                }
            }
        }
        for name in open.sorted() {
            self.audit.complain(.run, at: WallTime.now(), name, "book and truth differ: \(differences[name] ?? "")")
        }
        self.say("book = truth for \(self.settings.accounts - open.count) of \(self.settings.accounts) accounts")
    }

    private static func books(_ state: ExchangeState) -> [String: Set<String>] {
        var books: [String: Set<String>] = [:]
        for position in state.positions where position.category == "linear" {
            books[position.account, default: []].insert(
                "\(position.symbol) \(position.positionIdx) \(position.side) \(position.size) \(position.entryPrice)"
            )
        }
        return books
    }

    private func end() async throws {
        let end = WallTime.now()
        self.audit.review(now: end - 1_000)
        let code = try await self.daemon.stop()
        if code != 0 { self.audit.complain(.run, at: end, "the daemon", "ended with \(code)") }
        try await self.feed.poll()
        self.audit.finish(upTo: end - 2_000)
    }

    // MARK: Words

    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    private func sayProgress() {
        let seconds = (WallTime.now() - self.began) / 1000
        let longest = self.audit.gaps.longest.first.map { GapMeter.text($0.length) } ?? "none"
        let rss = self.memory.samples.last.map { MemoryMeter.text($0.kibibytes) } ?? "?"
        let problems = self.audit.problemCounts.values.reduce(0, +)
        self.say(
            "\(seconds) s: \(self.driver.count) faults, \(self.audit.eventCount) events "
                + "(\(self.audit.lifecycleCount) of positions), \(problems) problems, longest gap \(longest), "
                + "\(rss) MiB, \(self.audit.legCount) legs, slowest look \(self.slowestPoll) ms"
        )
        self.slowestPoll = 0
    }

    private func report() -> String {
        let audit = self.audit
        var lines = ["", "faults injected: \(self.driver.count)"]
        lines += self.driver.counts.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
        lines.append(
            "events checked: \(audit.eventCount) (\(self.feed.bytes / 1_000_000) MB), of them \(audit.lifecycleCount) of "
                + "positions, for \(audit.rowCount) rows and \(audit.markCount) marks of the exchange"
        )
        lines += audit.causes.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
        lines.append("lines cut off by a crash: \(audit.brokenLines)")
        lines.append("longest without a sign of life while marks moved (limit \(GapMeter.text(audit.limit))):")
        lines.append(audit.gaps.histogram)
        lines += audit.gaps.longest.map { "    \(GapMeter.text($0.length)) \($0.place), \(self.faults(around: $0))" }
        lines.append("lateness of changes:")
        lines.append(audit.lateness.histogram)
        lines += audit.lateness.longest.prefix(4).map {
            "    \(GapMeter.text($0.length)) \($0.place), \(self.faults(around: $0))"
        }
        lines += self.memoryLines
        lines.append("memory over time, MiB: \(self.memory.course())")
        let counts = SoakProblem.Kind.allCases.map { "\($0.rawValue) \(audit.problemCounts[$0] ?? 0)" }
        lines.append("problems: " + counts.joined(separator: ", "))
        lines += audit.problems.map { "    \($0)" }
        return lines.joined(separator: "\n")
    }

    /// What was done shortly before and in a gap.
    private func faults(around gap: GapMeter.Gap) -> String {
        let start = gap.end - gap.length
        let names = self.driver.history.filter { $0.time >= start - 8_000 && $0.time <= gap.end }
            .map { "\($0.name) \(($0.time - start) / 100 * 100)" }
        return "faults (ms from its start): " + names.joined(separator: ", ")
    }
}
