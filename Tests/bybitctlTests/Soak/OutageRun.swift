import Foundation
import Testing

/// The exchange goes away under a thousand accounts and comes back.
final class OutageRun {
    struct Settings {
        var accounts = 1_000
        var seconds = 120
        /// One before, long enough for REST to take over, so that what is measured is not the memory that this takes once.
        var warmUp = 14
        /// The real limit is 400 in five minutes; the same shape in a time that one can wait for.
        var connections: Int64 = 300
        var per = Duration.seconds(8)
        /// Every n-th account holds positions.
        var holders = 10
        /// Most that memory may grow.
        var memoryRatio = 1.05

        static var isAskedFor: Bool { ProcessInfo.processInfo.environment["BYBITCTL_OUTAGE"] != nil }

        static func fromEnvironment() throws -> Settings {
            var settings = Settings()
            let environment = ProcessInfo.processInfo.environment
            if let text = environment["BYBITCTL_OUTAGE_ACCOUNTS"], let number = Int(text) { settings.accounts = number }
            if let text = environment["BYBITCTL_OUTAGE_SECONDS"], let number = Int(text) { settings.seconds = number }
            if let text = environment["BYBITCTL_OUTAGE_WARM_UP"], let number = Int(text) { settings.warmUp = number }
            return settings
        }

        /// Longest time until a position is watched again, counted from the beginning of the outage: the outage itself, two
        /// windows of the budget, since the first may be used up by attempts that failed, and the work of a thousand sweeps.
        var limit: Int64 { Int64(self.seconds) * 1_000 + self.per.milliseconds * 2 + 20_000 }
    }

    private let settings: Settings
    private let exchange: Exchange
    private let daemon: Daemon
    private let audit: SoakAudit
    private let feed: SoakFeed
    private let symbols: [String]
    private let holders: [String]
    private var samples: [OutageSample] = []
    private var memory = MemoryMeter()
    private var nextWord: Int64 = 0

    static func start(_ settings: Settings, in place: Workplace) async throws -> OutageRun {
        let exchange = try await Exchange.start(in: place, accounts: settings.accounts, symbols: 24)
        try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(500)])
        let symbols = try await exchange.marks().map(\.symbol)
        let names = exchange.ready.accounts.map(\.name)
        let holders = names.enumerated().filter { $0.offset % settings.holders == 3 }.map(\.element)
        for (number, name) in holders.enumerated() {
            for step in 0..<3 {
                try await exchange.open(name, symbols[(number * 5 + step * 7) % symbols.count], "Buy", "100")
            }
        }
        var file = AccountsFile(exchange)
        file.logLevel = "notice"
        file.stream = [
            "connection_budget: { connections: \(settings.connections), per: \(settings.per.components.seconds)s }",
            "rest_budget: { requests: 200, per: 1s }", "fallback_after: 10s",
        ]
        let daemon = try await Daemon.start(file, in: place, waits: false)
        return try OutageRun(settings, exchange, daemon, symbols, holders)
    }

    private init(
        _ settings: Settings,
        _ exchange: Exchange,
        _ daemon: Daemon,
        _ symbols: [String],
        _ holders: [String]
    ) throws {
        self.settings = settings
        self.exchange = exchange
        self.daemon = daemon
        self.symbols = symbols
        self.holders = holders
        let names = exchange.ready.accounts.map(\.name)
        self.audit = SoakAudit(accounts: names, start: WallTime.now() + 60_000, limit: settings.limit)
        self.feed = try SoakFeed(exchange, daemon, self.audit)
    }

    private var names: [String] { self.exchange.ready.accounts.map(\.name) }

    // MARK: The course of events

    /// Runs it all and says what was wrong.
    func run() async throws -> [SoakProblem] {
        var back = WallTime.now()
        do {
            try await self.runToTheEnd(&back)
        } catch {
            self.audit.complain(.run, at: WallTime.now(), "the run", "\(error)")
        }
        self.report(back)
        return self.audit.problems
    }

    private func runToTheEnd(_ back: inout Int64) async throws {
        self.say("outage: \(self.settings.accounts) accounts, \(self.holders.count) of them hold positions")
        try await self.watch("all accounts live", within: .seconds(240)) { self.isWell($0) }
        try await self.fillRecentEvents()
        try await self.exchange.post("/outage", ["seconds": .number(self.settings.warmUp)])
        try await self.watch("the first outage", within: .seconds(600), until: WallTime.now() + 2_000)
        try await self.watch("all accounts live after a short outage", within: .seconds(240)) { self.isWell($0) }
        try await self.watch("memory", within: .seconds(12), until: WallTime.now() + 8_000)
        let before = try #require(self.memory.median(from: WallTime.now() - 8_000, to: .max))
        let index = try await self.exchange.state().nextIndex
        let began = WallTime.now()
        try await self.exchange.post("/outage", ["seconds": .number(self.settings.seconds)])
        try await self.trade(after: 10_000)
        try await self.watch("the outage", within: .seconds(600), until: began + Int64(self.settings.seconds) * 1_000)
        back = began + Int64(self.settings.seconds) * 1_000
        self.say("the exchange is back")
        try await self.watch("all accounts live again", within: .seconds(240)) { self.isWell($0) }
        let whole = WallTime.now()
        self.say("everything is well \(GapMeter.text(whole - back)) after the exchange came back")
        try await self.watch("memory", within: .seconds(12), until: WallTime.now() + 8_000)
        let after = try #require(self.memory.median(from: WallTime.now() - 8_000, to: .max))
        self.judgeMemory(before, after)
        self.judgeAttempts()
        try await self.judgeConnections(since: index, back: back)
        try await self.end()
    }

    private func isWell(_ sample: OutageSample) -> Bool {
        sample.health == "healthy" && sample.live == self.settings.accounts
            && sample.symbols.receiving == sample.symbols.desired
            && sample.accounts.allSatisfy { $0.driver == "hybrid" }
    }

    /// The daemon holds some thousand recent events for whoever asks. That is bounded and not what is measured here.
    private func fillRecentEvents() async throws {
        let flat = self.names.filter { !self.holders.contains($0) }
        for round in 0..<4_200 {
            let name = flat[round % flat.count]
            try await self.exchange.open(name, self.symbols[0], "Buy", "100")
            try await self.exchange.close(name, self.symbols[0])
            if round % 300 == 0 { try await self.feed.poll() }
        }
    }

    /// Things happen while nobody can be told: some close, some grow, and some that were flat open.
    private func trade(after pause: Int) async throws {
        try await self.watch("trades", within: .seconds(60), until: WallTime.now() + Int64(pause))
        let held = try await self.exchange.state().positions
        for (number, position) in held.enumerated() where number % 4 < 2 {
            if number % 4 == 0 {
                try await self.exchange.close(position.account, position.symbol)
            } else {
                try await self.exchange.open(position.account, position.symbol, "Buy", "100")
            }
        }
        for name in self.names.filter({ !self.holders.contains($0) }).prefix(20) {
            try await self.exchange.open(name, self.symbols[0], "Sell", "100")
        }
    }

    /// Looks on until `isDone`, or until a moment, and notes what it sees.
    private func watch(
        _ what: String,
        within limit: Duration,
        until end: Int64 = .max,
        _ isDone: (OutageSample) -> Bool = { _ in false }
    ) async throws {
        let deadline = WallTime.now() + limit.milliseconds
        while WallTime.now() < end {
            let result = try await self.daemon.ask(["status", "--output", "json"])
            guard let sample = OutageSample(result.output) else {
                throw Disappointment("status answered \(result.code): \(result.output.prefix(300))\(result.errors)")
            }
            self.samples.append(sample)
            self.memory.sample(self.daemon.process.pid)
            try await self.feed.poll()
            if WallTime.now() >= self.nextWord {
                self.nextWord = WallTime.now() + 10_000
                self.say(
                    "    \(sample.line); \(self.memory.samples.last.map { MemoryMeter.text($0.kibibytes) } ?? "?") MiB"
                )
            }
            if isDone(sample) { return }
            guard WallTime.now() < deadline else {
                throw Disappointment("\(what): not within \(limit): \(sample.line)")
            }
            try await ContinuousClock().sleep(for: .milliseconds(500))
        }
    }

    // MARK: Verdicts

    private func judgeMemory(_ before: Int, _ after: Int) {
        let ratio = Double(after) / Double(before)
        self.say("memory: \(MemoryMeter.text(before)) MiB before, \(MemoryMeter.text(after)) MiB after: × \(ratio)")
        if ratio > self.settings.memoryRatio {
            self.audit.complain(.run, at: WallTime.now(), "memory", "grew by × \(ratio)")
        }
    }

    /// What the daemon says of itself: also attempts that the exchange never saw.
    private func judgeAttempts() {
        var most: Int64 = 0
        for (place, sample) in self.samples.enumerated() {
            if sample.used > sample.limit || sample.limit != self.settings.connections {
                self.audit.complain(.run, at: sample.time, "the budget", "\(sample.used) of \(sample.limit)")
            }
            for earlier in self.samples[..<place].reversed() {
                guard sample.time - earlier.time <= self.settings.per.milliseconds - 1_000 else { break }
                most = max(most, sample.attempts - earlier.attempts)
            }
        }
        self.say("most attempts in \(self.settings.per) by `status`: \(most) of \(self.settings.connections)")
        if most > self.settings.connections {
            self.audit.complain(.run, at: WallTime.now(), "attempts", "\(most) in \(self.settings.per)")
        }
    }

    /// What the exchange saw: how many came, in which order, and whether everybody is there, once.
    private func judgeConnections(since index: Int, back: Int64) async throws {
        let facts = try await self.exchange.record("connected", "authenticated", since: index)
        let times = facts.filter { $0.kind == "connected" }.map(\.time)
        // A connection is granted some time before the exchange sees it.
        let window = self.settings.per.milliseconds - 2_000
        let most = times.indices.map { end in times[...end].count { $0 > times[end] - window } }.max() ?? 0
        self.say("most connections in \(window) ms seen by the exchange: \(most) of \(self.settings.connections)")
        if most > self.settings.connections {
            self.audit.complain(.run, at: back, "connections", "\(most) in \(window) ms")
        }

        var first: [String: Int64] = [:]
        for fact in facts where fact.kind == "authenticated" {
            if let name = fact.account, first[name] == nil { first[name] = fact.time - back }
        }
        let holding = self.holders.compactMap { first[$0] }.sorted()
        let flat = self.names.filter { !self.holders.contains($0) }.compactMap { first[$0] }.sorted()
        if holding.count + flat.count != self.settings.accounts {
            let missing = self.names.filter { first[$0] == nil }
            self.audit.complain(.run, at: back, "accounts", "never came back: \(missing)")
        }
        self.say("authenticated after the return, accounts that hold positions: \(Self.spread(holding))")
        self.say("authenticated after the return, flat accounts: \(Self.spread(flat))")
        // Grants are strictly in order; sixteen or more of them are on the way at the same time.
        if let last = holding.last, let early = Self.part(flat, 10), last > early {
            self.audit.complain(
                .run,
                at: back,
                "order",
                "the last that holds positions after \(last) ms, the first tenth of the others before \(early) ms"
            )
        }

        let connections = try await self.exchange.state().connections
        let counts = Dictionary(grouping: connections) { $0.account ?? $0.socket }.mapValues(\.count)
        for (name, count) in counts where count != 1 {
            self.audit.complain(.run, at: back, name, "\(count) connections")
        }
        if counts.count != self.settings.accounts + 1 {
            self.audit.complain(.run, at: back, "connections", "\(counts.count - 1) accounts are connected")
        }
    }

    private static func part(_ times: [Int64], _ percent: Int) -> Int64? {
        times.isEmpty ? nil : times[min(times.count - 1, times.count * percent / 100)]
    }

    private static func spread(_ times: [Int64]) -> String {
        [0, 10, 50, 90, 100].compactMap { percent in
            self.part(times, percent).map { "\(percent) % after \(GapMeter.text($0))" }
        }.joined(separator: ", ")
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

    private func report(_ back: Int64) {
        let firstLive = self.samples.first { $0.time > back && $0.symbols.desired > 0 && $0.symbols.receiving > 0 }
        self.say("tickers again \(firstLive.map { GapMeter.text($0.time - back) } ?? "never") after the return")
        self.say("events checked: \(self.audit.eventCount), of them \(self.audit.lifecycleCount) of positions")
        self.say("longest without a sign of life (the outage included, limit \(GapMeter.text(self.settings.limit))):")
        self.say(self.audit.gaps.histogram)
        for gap in self.audit.gaps.longest.prefix(4) { self.say("    \(GapMeter.text(gap.length)) \(gap.place)") }
        self.say("lateness of changes:")
        self.say(self.audit.lateness.histogram)
        self.say("memory over time, MiB: \(self.memory.course(20))")
        let counts = self.audit.problemCounts.sorted { $0.key.rawValue < $1.key.rawValue }
        self.say("problems: \(counts.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", "))")
        for problem in self.audit.problems { self.say("    \(problem)") }
    }
}
