import Foundation
import Testing

extension EndToEnd {
    /// `kill -9` while a command changes what runs: afterwards each account is what it was or what it was to be, and
    /// `history` tells which.
    @Suite struct RolloutKills {}
}

extension EndToEnd.RolloutKills {
    /// `BYBITCTL_ROLLOUT_KILLS` makes it more or fewer rounds, `BYBITCTL_ROLLOUT_KILLS_SEED` other ones.
    private static let rounds = number("BYBITCTL_ROLLOUT_KILLS") ?? 6
    private static let seed = number("BYBITCTL_ROLLOUT_KILLS_SEED") ?? 5
    private static let accounts = RolloutRig.accounts

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test(.timeLimit(.minutes(2 + EndToEnd.RolloutKills.rounds)))
    func afterAKillInACommandEachAccountIsTheOldOrTheNew() async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            var random = Seeded(state: UInt64(Self.seed))
            var (kills, changed) = (0, 0)
            for round in 1...Self.rounds {
                for command in RolloutCommand.allCases {
                    let context = "seed \(Self.seed), round \(round), \(command)"
                    try await rig.prepare(command, &random)
                    let killed = try await KilledCommand.begin(command, rig)
                    if random.below(2) == 0 { try await rig.act(&random) }
                    try await killed.waitUntilAsked(context)
                    try await Task.sleep(for: .microseconds(random.below(60_000)))
                    if try await killed.finish(context) { changed += 1 }
                    kills += 1
                    try await rig.act(&random)
                }
            }
            // Both must have happened, or the kills came all too early or all too late.
            #expect(changed > 0)
            try await rig.finish(kills: kills, "seed \(Self.seed)")
        }
    }

    /// The new source is not ready when the kill comes: nothing has changed.
    @Test(.timeLimit(.minutes(2)), arguments: [RolloutCommand.promote, .rollback])
    func aKillBeforeTheNewSourceIsReadyLeavesTheOld(command: RolloutCommand) async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            let since: Int
            if command == .promote {
                // From REST to a share of the stream, which has no private connection now.
                since = try await rig.exchange.state().nextIndex
                try await rig.exchange.setFaults(["refuse_upgrades": .object(["status": .number(503)])])
                try await rig.exchange.kill("private", account: "sub-001")
                try await eventually("a refused upgrade") { try await !rig.exchange.record("refused").isEmpty }
            } else {
                // From a share of the stream back to REST, which does not answer.
                try await rig.daemon.change("promote", "--force", "sub-001")
                since = try await rig.exchange.state().nextIndex
                try await Self.delayListings(rig)
            }
            let killed = try await KilledCommand.begin(command, rig)
            try await killed.waitUntilAsked("\(command)")
            try await eventually("what the switch waits for") {
                command == .promote
                    ? try await rig.exchange.record("refused", since: since).count > 3
                    : try await !rig.exchange.record("rest", account: "sub-001", since: since).isEmpty
            }
            #expect(killed.process.isRunning)
            #expect(try await rig.daemon.history().count == killed.history.count)
            #expect(try await !killed.finish("\(command)"))
            try await rig.finish(kills: 1, "\(command)")
        }
    }

    /// What was written down is so after the kill, although it was not yet so before.
    @Test(.timeLimit(.minutes(2)), arguments: [RolloutCommand.resume, .enable, .apply, .restore])
    func aKillAfterItIsWrittenDownLeadsToTheNew(command: RolloutCommand) async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            var random = Seeded(state: 1)
            try await rig.prepare(command, &random)
            try await Self.delayListings(rig)
            let killed = try await KilledCommand.begin(command, rig)
            try await eventually("the revision") { try await rig.daemon.history().count > killed.history.count }
            #expect(killed.process.isRunning)
            #expect(try await killed.finish("\(command)"))
            try await rig.finish(kills: 1, "\(command)")
        }
    }

    /// What the store knew and the file did not is not forgotten because its account does not run after the kill.
    @Test(.timeLimit(.minutes(1)))
    func whatAKilledProcessCouldNotWriteWaitsForAnAccountThatDoesNotRun() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 2, held: 1)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let (name, other) = ("sub-002", Scene.account)
            try await exchange.open(name, scene.symbols[1], "Buy", "100")
            let opened = try await daemon.event(name, "the opening") { $0.cause == "opened" }
            let lost = try await Self.kill(daemon, before: opened, of: name)
            var file = AccountsFile(exchange)
            file.accounts[1].extra = "enabled: false"
            try place.write(file.text(stateFolder: daemon.stateFolder), to: daemon.fileName)
            try await daemon.restart()
            // So much is told and written by the other account that all of that is forgotten.
            for symbol in scene.symbols[1...] {
                try await exchange.open(other, symbol, "Buy", "100")
                try await daemon.event(other, "another opening") { $0.cause == "opened" && $0.symbol == symbol }
            }
            try await scene.waitForMarks(scene.symbols, count: 10)
            try await daemon.change("enable", name)
            let text = try await eventually("the line") {
                let text = daemon.eventText(name)
                return text.contains(lost) ? text : nil
            }
            #expect(text.components(separatedBy: lost).count == 2)
            #expect(KillStory(text, kills: 1).problems == [])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// The same of an account that the file on the disk does not name, but the revision that was brought back.
    @Test(.timeLimit(.minutes(1)))
    func whatAKilledProcessCouldNotWriteWaitsForAnAccountOfTheRevisionThatWasBroughtBack() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let symbols = try await exchange.publishEveryMark()
            var file = AccountsFile(exchange)
            try file.moveSecrets(in: place)
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            let (name, other) = ("sub-002", Scene.account)
            file.accounts.removeLast()
            try place.write(file.text(stateFolder: daemon.stateFolder), to: daemon.fileName)
            try await daemon.change("apply")
            try await daemon.change("rollback", "--revision", "1")
            try await exchange.open(name, symbols[0], "Buy", "100")
            let opened = try await daemon.event(name, "the opening") { $0.cause == "opened" }
            let lost = try await Self.kill(daemon, before: opened, of: name)
            try await daemon.restart(["--account", other])
            try await exchange.open(other, symbols[1], "Buy", "100")
            try await daemon.event(other, "another opening") { $0.cause == "opened" }
            #expect(try await daemon.stop() == 0)
            #expect(!daemon.eventText(name).contains(lost))
            try await daemon.restart()
            try await eventually("the line") { daemon.eventText(name).contains(lost) }
            #expect(KillStory(daemon.eventText(name), kills: 1).problems == [])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// As if the kill had come before an event was written into its file.
    /// - Returns: the line that is missing.
    private static func kill(_ daemon: Daemon, before event: EventLine, of name: String) async throws -> String {
        daemon.process.send(SIGKILL)
        #expect(try await daemon.process.exitCode() == -SIGKILL)
        let lines = daemon.eventText(name).split(separator: "\n").map(String.init)
        let kept = try #require(lines.firstIndex { $0.contains("\"n\":\(event.n),") })
        try daemon.place.write(lines[..<kept].map { $0 + "\n" }.joined(), to: "d/events/\(name).jsonl")
        return lines[kept]
    }

    /// Longer than any of this takes.
    private static func delayListings(_ rig: RolloutRig) async throws {
        try await rig.exchange.setRESTFaults([["path": .string("/v5/position/list"), "delay_ms": .number(20_000)]])
    }
}

/// A command under way, and what was before it.
struct KilledCommand {
    let rig: RolloutRig
    let command: RolloutCommand
    let old: [String: String]
    let new: [String: String]
    let history: [HistoryDocument.Revision]
    let process: ChildProcess
    private let asked: Int

    static func begin(_ command: RolloutCommand, _ rig: RolloutRig) async throws -> KilledCommand {
        let old = try await rig.daemon.status().document.standings
        let history = try await rig.daemon.history()
        return KilledCommand(
            rig: rig,
            command: command,
            old: old,
            new: try rig.outcome(command, from: old),
            history: history,
            asked: Self.asked(rig),
            process: try rig.daemon.begin(try rig.arguments(command, from: old))
        )
    }

    private init(
        rig: RolloutRig,
        command: RolloutCommand,
        old: [String: String],
        new: [String: String],
        history: [HistoryDocument.Revision],
        asked: Int,
        process: ChildProcess
    ) {
        self.rig = rig
        self.command = command
        self.old = old
        self.new = new
        self.history = history
        self.asked = asked
        self.process = process
    }

    private static func asked(_ rig: RolloutRig) -> Int {
        rig.daemon.process.errors.components(separatedBy: "a change is asked for").count
    }

    /// Until the daemon has heard of it.
    func waitUntilAsked(_ context: String) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(20)
        while Self.asked(self.rig) == self.asked {
            guard clock.now < deadline else { throw Disappointment("\(context): nobody asked: \(self.process.errors)") }
            try await clock.sleep(for: .milliseconds(1))
        }
    }

    /// Kills the daemon, starts it again, and looks at what has become of the command.
    /// - Returns: whether it was carried out.
    func finish(_ context: String) async throws -> Bool {
        let daemon = self.rig.daemon
        daemon.process.send(SIGKILL)
        #expect(try await daemon.process.exitCode() == -SIGKILL, "\(context)")
        try await self.rig.exchange.post("/faults/clear")
        let code = try await self.process.exitCode()
        #expect([0, 3].contains(code), "\(context): \(code), \(self.process.errors)")
        try await daemon.restart()
        let status = try await daemon.status().document
        let now = status.standings
        let after = try await daemon.history()
        #expect(after.map(\.number) == Array(1...after.count), "\(context): no number is missing or used twice")
        #expect(status.revision == after.count, "\(context)")
        let added = after.dropFirst(self.history.count)
        let isDone = now == self.new
        if isDone {
            #expect(added.count == 1, "\(context): it is done, and told once: \(added)")
            let kinds = self.rig.kinds(self.command)
            #expect(added.allSatisfy { kinds.contains($0.kind) }, "\(context): \(added)")
            self.rig.note(self.command, revision: after.count, now)
        } else {
            #expect(now == self.old, "\(context): neither the old \(self.old) nor the new \(self.new)")
            #expect(added.isEmpty, "\(context): it is not done, and not told: \(added)")
            #expect(code != 0, "\(context): the command was told that it is done")
        }
        return isDone
    }
}
