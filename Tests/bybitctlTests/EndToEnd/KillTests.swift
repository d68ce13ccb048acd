import Foundation
import Testing

extension EndToEnd {
    /// `kill -9` at any instant, then start.
    @Suite struct Kills {}
}

extension EndToEnd.Kills {
    /// `BYBITCTL_KILLS` makes it more or fewer, `BYBITCTL_KILLS_SEED` other ones.
    private static let count = number("BYBITCTL_KILLS") ?? 50
    private static let seed = number("BYBITCTL_KILLS_SEED") ?? 28
    private static let accounts = ["sub-001", "sub-002"]

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test(.timeLimit(.minutes(2 + EndToEnd.Kills.count / 30)))
    func afterAKillAtAnyInstantTheNextStartIsConsistent() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 6)
            let symbols = try await exchange.marks().map(\.symbol)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            let start = ["start", place.file(daemon.fileName).path]
            var process = daemon.process
            var random = Seeded(state: UInt64(Self.seed))
            var kills: [Int64] = []
            for number in 1...Self.count {
                let context = "seed \(Self.seed), kill \(number)"
                // Every other one comes while it starts; the others after something has happened.
                if number.isMultiple(of: 2) {
                    try await self.check(exchange, daemon, process, kills, context)
                    for _ in 0...random.below(3) { try await self.act(exchange, symbols, &random) }
                }
                try await Task.sleep(for: .milliseconds(Self.delay(&random)))
                #expect(process.isRunning, "\(context): \(process.errors)")
                process.send(SIGKILL)
                #expect(try await process.exitCode() == -SIGKILL, "\(context)")
                kills.append(Self.now())
                if random.below(2) == 0 { try await self.act(exchange, symbols, &random) }
                process = try place.start(start)
            }
            let end = "seed \(Self.seed), after all"
            try await self.check(exchange, daemon, process, kills, end)
            process.send(SIGTERM)
            #expect(try await process.exitCode() == 0, "\(end)")
            for name in Self.accounts {
                let text = daemon.eventText(name)
                let story = Story(text, kills: kills)
                #expect(story.problems == [], "\(end)")
                #expect(story.events.contains { $0.cause == "resync" })
                #expect(story.events.contains { $0.cause == "closed" })
                // The reader finds what it is there to find.
                let lines = text.split(separator: "\n")
                let closes = lines.filter { $0.contains("\"cause\":\"closed\"") }
                #expect(Story((lines + closes).joined(separator: "\n"), kills: kills).problems != [])
                let others = lines.filter { !$0.contains("\"cause\":\"closed\"") }
                #expect(Story(others.joined(separator: "\n"), kills: []).problems != [])
            }
        }
    }

    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// 30 to 700 ms, more of the short ones: that is when most things are under way.
    private static func delay(_ random: inout Seeded) -> Int {
        let part = random.below(1000)
        return 30 + 670 * part * part * part / 1_000_000_000
    }

    /// The book is the exchange's, and whoever reads the events alone knows the same.
    private func check(
        _ exchange: Exchange,
        _ daemon: Daemon,
        _ process: ChildProcess,
        _ kills: [Int64],
        _ context: String
    ) async throws {
        try await eventually("readiness, \(context)") {
            if !process.isRunning { throw Disappointment("\(context): the daemon ended: \(process.errors)") }
            return process.errors.contains("\"ready\"")
        }
        let truth = try await exchange.state()
        let status = try await daemon.waitFor("health, \(context)") { $0.health == "healthy" }
        for name in Self.accounts {
            #expect(status.holdings(name) == truth.holdings(name), "\(name), \(context)")
            let open = truth.positions.filter { $0.account == name && $0.category == "linear" }
            var (told, wanted): (Set<String>, Set<String>) = ([], [])
            do {
                try await eventually("the events") {
                    let story = Story(daemon.eventText(name), kills: kills)
                    told = story.open
                    wanted = Set(
                        open.filter { !story.isUncertain("\($0.symbol) \($0.positionIdx)") }
                            .map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size)" }
                    )
                    return told == wanted
                }
            } catch let error as Disappointment {
                throw Disappointment("\(name), \(context): \(error): \(told.sorted()), in truth \(wanted.sorted())")
            }
        }
    }

    private func act(_ exchange: Exchange, _ symbols: [String], _ random: inout Seeded) async throws {
        let position: [String: JSONField] = [
            "account": .string(Self.accounts[random.below(2)]), "symbol": .string(symbols[random.below(symbols.count)]),
        ]
        switch random.below(10) {
        case 0..<5:
            let order: [String: JSONField] = [
                "side": .string(random.below(2) == 0 ? "Buy" : "Sell"),
                "size": .string("\(100 * (1 + random.below(3)))"),
            ]
            try await exchange.attempt("/positions", position.merging(order) { $1 })
        case 5..<8: try await exchange.attempt("/positions/close", position)
        default:
            let leverage: [String: JSONField] = ["leverage": .number(2 + random.below(50))]
            try await exchange.attempt("/positions/leverage", position.merging(leverage) { $1 })
        }
    }
}

/// What somebody knows who reads one account's events and nothing else, over all the kills.
private struct Story {
    /// An event reaches its readers before the store has it on disk. What the store did not know when the end came is
    /// told once more.
    private static let grace: Int64 = 500

    private struct Position {
        var text: String?
        var last: EventLine
    }

    private(set) var events: [EventLine] = []
    private(set) var problems: [String] = []
    private var positions: [String: Position] = [:]
    private let kills: [Int64]

    /// `SYMBOL leg side size` of what is open at the end, for certain.
    var open: Set<String> {
        Set(self.positions.filter { !self.isUncertain($0.key) }.values.compactMap(\.text))
    }

    /// The last that was told of the position came so shortly before a kill that the store need not know of it. What
    /// became of it while nobody looked may then be no change for the store, and is not told.
    func isUncertain(_ key: String) -> Bool {
        guard let last = self.positions[key]?.last else { return false }
        return self.kills.contains { last.emittedTs <= $0 && $0 - last.emittedTs <= Self.grace }
    }

    init(_ text: String, kills: [Int64]) {
        self.kills = kills
        let decoder = JSONLines.decoder
        var broken = 0
        var last: Int64 = 0
        for line in text.split(separator: "\n") {
            // A kill may have hit a write in its middle; the next start ends the line.
            guard let event = try? decoder.decode(EventLine.self, from: Data(line.utf8)) else {
                broken += 1
                continue
            }
            if event.n <= last { self.problems.append("n=\(event.n) comes after n=\(last)") }
            last = event.n
            self.events.append(event)
            if event.event == "position.update" { self.follow(event) }
        }
        if broken > kills.count { self.problems.append("\(broken) broken lines after \(kills.count) kills") }
    }

    private mutating func follow(_ event: EventLine) {
        let before = self.positions[event.key]
        guard event.isNews else {
            if before?.text == nil {
                self.problems.append("n=\(event.n) \(event.cause ?? "") of \(event.key) while flat")
            }
            return
        }
        let after =
            event.cause == "closed"
            ? nil : "\(event.symbol ?? "") \(event.positionIdx ?? 0) \(event.side ?? "") \(event.size ?? "")"
        if let problem = self.problem(event, before, after), !self.mayBeRepeated(before?.last, event) {
            self.problems.append("n=\(event.n) \(event.cause ?? "") of \(event.key) \(problem)")
        }
        self.positions[event.key] = Position(text: after, last: event)
    }

    private func problem(_ event: EventLine, _ before: Position?, _ after: String?) -> String? {
        switch event.cause {
        case "opened": if before?.text != nil { return "which is open" }
        case "resync": if before?.text != after { return "which was \(before?.text ?? "flat")" }
        default: if before?.text == nil { return "which is flat" }
        }
        if let last = before?.last, event.isLifecycle, event.cause == last.cause, event.seq == last.seq,
            event.exchangeTs == last.exchangeTs
        {
            return "was told as n=\(last.n)"
        }
        return nil
    }

    /// Whether a kill came between the two, and so soon after the first that the store need not know of it.
    private func mayBeRepeated(_ first: EventLine?, _ second: EventLine) -> Bool {
        guard let first else { return false }
        return self.kills.contains {
            first.emittedTs <= $0 && $0 <= second.emittedTs && $0 - first.emittedTs <= Self.grace
        }
    }
}
