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

    /// What was told before a kill is told to its end: a reader that knows of an opening must hear of the close. The store
    /// does not know of what came in the last instants, so it must learn of it before the readers do.
    @Test(.timeLimit(.minutes(1)))
    func whatWasOpenedInTheInstantBeforeAKillIsClosedAfterIt() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1, stream: ["reconcile_interval: 1s"])
            let (exchange, daemon, symbol) = (scene.exchange, scene.daemon, scene.symbols[1])
            for _ in 0..<5 {
                let told = try scene.events().count
                try await exchange.open("sub-001", symbol, "Buy", "100")
                // As soon as it stands in the file, and before the store has written.
                let clock = ContinuousClock()
                let limit = clock.now + .seconds(5)
                while clock.now < limit,
                    try scene.events().dropFirst(told).first(where: { $0.cause == "opened" }) == nil
                {}
                daemon.process.send(SIGKILL)
                #expect(try await daemon.process.exitCode() == -SIGKILL)
                try await exchange.close("sub-001", symbol)
                try await daemon.restart()
                try await daemon.waitUntilHealthy()
                try await scene.waitForSweeps(2)
                let news = try scene.events().filter { $0.symbol == symbol && $0.isNews }
                #expect(news.last?.cause == "closed", "the reader believes that it is open")
            }
            #expect(try await daemon.stop() == 0)
        }
    }

    /// The store knew and the file did not: what is missing in the file is written by the next process, as it was.
    @Test(.timeLimit(.minutes(1)))
    func whatAKilledProcessCouldNotWriteIsWrittenByTheNext() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1)
            let (exchange, daemon, symbol) = (scene.exchange, scene.daemon, scene.symbols[1])
            try await exchange.open("sub-001", symbol, "Buy", "100")
            let opened = try await scene.event("the opening") { $0.cause == "opened" && $0.symbol == symbol }
            daemon.process.send(SIGKILL)
            #expect(try await daemon.process.exitCode() == -SIGKILL)
            // As if the kill had come in the middle of the write.
            let file = place.file("d/events/sub-001.jsonl")
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
            let kept = try #require(lines.firstIndex { $0.contains("\"n\":\(opened.n),") })
            let cut = lines[..<kept].joined(separator: "\n") + "\n" + lines[kept].prefix(60)
            try cut.write(to: file, atomically: false, encoding: .utf8)
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.stop() == 0)
            let after = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(after.filter { $0 == lines[kept] }.count == 1)
            #expect(after.firstIndex(of: lines[kept]) == kept + 1, "behind the broken line, before all that is new")
            #expect(KillStory(after.joined(separator: "\n"), kills: 1).problems == [])
        }
    }

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
            var kills = 0
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
                kills += 1
                if random.below(2) == 0 { try await self.act(exchange, symbols, &random) }
                process = try place.start(start)
            }
            let end = "seed \(Self.seed), after all"
            try await self.check(exchange, daemon, process, kills, end)
            process.send(SIGTERM)
            #expect(try await process.exitCode() == 0, "\(end)")
            for name in Self.accounts {
                let text = daemon.eventText(name)
                let story = KillStory(text, kills: kills)
                #expect(story.problems == [], "\(end)")
                #expect(story.events.contains { $0.cause == "resync" })
                #expect(story.events.contains { $0.cause == "closed" })
                // The reader finds what it is there to find.
                let lines = text.split(separator: "\n")
                let closes = lines.filter { $0.contains("\"cause\":\"closed\"") }
                #expect(KillStory((lines + closes).joined(separator: "\n"), kills: kills).problems != [])
                let others = lines.filter { !$0.contains("\"cause\":\"closed\"") }
                #expect(KillStory(others.joined(separator: "\n"), kills: 0).problems != [])
            }
        }
    }

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
        _ kills: Int,
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
                    let story = KillStory(daemon.eventText(name), kills: kills)
                    told = story.open
                    wanted = Set(
                        open.map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size)" }
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
