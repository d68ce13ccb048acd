import Foundation
import Testing

extension EndToEnd {
    /// Consumers as child processes: good ones, slow ones, dead ones.
    @Suite struct ExecSinks {}
}

extension EndToEnd.ExecSinks {
    /// `overrides:` with a file and a child that runs a shell script. In the script `$1` is the workplace.
    static func sinks(_ place: Workplace, _ script: String, stopTimeout: String = "5s") throws -> String {
        let name = "script-\(UUID().uuidString.prefix(8)).sh"
        let path = try place.write("#!/bin/sh\n" + script + "\n", to: name, mode: 0o700).path
        return """
            overrides: { sinks: [ { jsonl: { path: "events/{account}.jsonl" } }, \
            { exec: { command: ["\(path)", "\(place.folder.path)"], restart: { initial: 50ms, max: 500ms }, \
            stop_timeout: \(stopTimeout) } } ] }
            """
    }

    private static func received(_ place: Workplace, _ name: String) throws -> [EventLine] {
        guard let data = try? Data(contentsOf: place.file(name)) else { return [] }
        let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return try JSONLines.decode(EventLine.self, from: data[..<end])
    }

    /// One reads a line a second, one ends at once, one never reads. They cost the daemon a few megabytes and the others
    /// nothing; each gets its lifecycle events as soon as it reads.
    @Test(.timeLimit(.minutes(3)))
    func badConsumersCostLittleAndDisturbNobody() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 4, symbols: 24)
            let symbols = try await exchange.publishEveryMark()
            let names = exchange.ready.accounts.map(\.name)
            var file = AccountsFile(exchange)
            file.accounts[0].extra = try Self.sinks(
                place,
                """
                until [ -e "$1/go" ]; do IFS= read -r line && printf '%s\\n' "$line" >> "$1/slow"; sleep 1; done
                exec cat >> "$1/slow"
                """
            )
            file.accounts[1].extra = try Self.sinks(place, "[ -e \"$1/go\" ] || exit 7; exec cat > \"$1/dead\"")
            file.accounts[2].extra = try Self.sinks(place, "exec sleep 600", stopTimeout: "500ms")
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitFor("accounts that work") { $0.account(names[3])?.health == "healthy" }
            for name in names { for symbol in symbols { try await exchange.open(name, symbol, "Buy", "100") } }
            try await daemon.waitFor("all tickers") { $0.tickers.receiving == 24 }
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(5)])
            let written = { try Self.size(daemon.eventFile(names[2])) }
            // Past everything that pipes and queues hold, so that from here on nothing may grow.
            try await eventually("two megabytes for each", within: .seconds(60)) { try written() > 2_000_000 }
            let memory = try daemon.memory()
            try await exchange.close(names[0], symbols[0])
            try await eventually("another eight megabytes", within: .seconds(90)) { try written() > 10_000_000 }
            let growth = try daemon.memory() - memory
            #expect(growth < 8_000_000, "\(growth) bytes more for 32 MB of events")

            let status = try await daemon.status().document
            #expect(status.account(names[1])?.health == "degraded")
            #expect(status.account(names[1])?.state == "live", "the stream itself is well")
            let error = try #require(status.account(names[1])?.lastError)
            #expect(error.contains("exit code 7") && error.contains(names[1]), "\(error)")
            for name in [names[0], names[3]] { #expect(status.account(name)?.health == "healthy", "\(name)") }
            #expect(try await daemon.status([names[3]]).code == 0)
            let ages = try daemon.events(names[3]).suffix(500).map { $0.emittedTs - ($0.receivedTs ?? $0.emittedTs) }
            #expect(ages.allSatisfy { $0 < 1_000 }, "\(ages.max() ?? 0) ms")

            try place.write("", to: "go")
            try await exchange.post("/prices", ["running": .flag(false)])
            for name in names { try await exchange.close(name, symbols[1]) }
            try await daemon.waitFor("health of the dead one") { $0.account(names[1])?.health == "healthy" }
            for (name, output) in [(names[0], "slow"), (names[1], "dead")] {
                let last = try await daemon.event(name, "the last close") {
                    $0.cause == "closed" && $0.symbol == symbols[1]
                }
                try await eventually("its last close") { try Self.received(place, output).contains { $0.n == last.n } }
            }
            let slow = try Self.received(place, "slow")
            #expect(slow.map(\.n) == slow.map(\.n).sorted())
            #expect(slow.map { $0.conflated ?? 0 }.reduce(0, +) > 1_000)
            // An alert of each kind once, however often it ended.
            let alerts = try daemon.events(names[1]).filter { $0.code == "sink_failed" }
            #expect(alerts.map(\.state) == ["opened", "resolved"])

            // The one that never read is not waited for.
            let clock = ContinuousClock()
            let start = clock.now
            #expect(try await daemon.stop() == 1)
            #expect(clock.now - start < .seconds(12))
            let lost = try #require(daemon.process.errors.split(separator: "\n").first { $0.contains("did not take") })
            #expect(lost.contains(names[2]))
            for (name, output) in [(names[0], "slow"), (names[1], "dead")] {
                let told = try daemon.events(name).filter(\.isLifecycle).map(\.n)
                let heard = try Self.received(place, output).filter(\.isLifecycle).map(\.n)
                #expect(Set(heard) == Set(told) && told.count > 24, "\(name)")
                if output == "slow" { #expect(heard == told) }
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aConsumerThatWillNotEndIsEnded() async throws {
        try await Workplace.with { place in
            let script = "trap '' TERM; echo $$ > \"$1/pid\"; while :; do sleep 600; done"
            let sinks = try Self.sinks(place, script, stopTimeout: "700ms")
            let scene = try await Scene.start(in: place, held: 1) { $0.accounts[0].extra = sinks }
            try await eventually("the consumer") { !Self.text(place, "pid").isEmpty }
            let pid = try #require(Int32(Self.text(place, "pid").trimmingCharacters(in: .newlines)))
            try await scene.exchange.post("/prices", ["running": .flag(false)])
            let clock = ContinuousClock()
            let start = clock.now
            #expect(try await scene.daemon.stop() == 0, "all of it was in the pipe")
            #expect(clock.now - start >= .milliseconds(700) && clock.now - start < .seconds(6))
            try await eventually("the end of all that it had started") { kill(-pid, 0) == -1 }
            #expect(scene.daemon.process.errors.contains("is killed"))
        }
    }

    /// What the queue held when the daemon was killed is in the store, and reaches the consumer of the next one as it was.
    @Test(.timeLimit(.minutes(1)))
    func whatAKilledDaemonCouldNotDeliverIsDeliveredByTheNext() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            let symbol = try #require(try await exchange.publishEveryMark().first)
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(50)])
            var file = AccountsFile(exchange)
            let program = place.file("consumer").path
            file.accounts[0].extra = """
                overrides: { sinks: [ { jsonl: { path: "events/{account}.jsonl" } }, { exec: { command: \
                ["\(program)", "\(place.file("heard").path)"], restart: { initial: 50ms, max: 500ms } } } ] }
                """
            let daemon = try await Daemon.start(file, in: place)
            let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: [symbol])
            // The program is not there.
            try await daemon.waitFor("life") { $0.account(Scene.account)?.state == "live" && $0.health == "degraded" }
            try await exchange.open(Scene.account, symbol, "Buy", "100")
            let opened = try await scene.event("the opening") { $0.cause == "opened" }
            try await scene.waitForMarks([symbol])
            let status = try await daemon.status().document
            #expect(status.account(Scene.account)?.lastError?.contains("No such file or directory") == true)
            // Longer than it takes to forget what stands in the file and would not be needed any more.
            try await Task.sleep(for: .seconds(4))
            daemon.process.send(SIGKILL)
            #expect(try await daemon.process.exitCode() == -SIGKILL)
            try place.write("#!/bin/sh\nexec cat > \"$1\"\n", to: "consumer", mode: 0o700)
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            try await exchange.close(Scene.account, symbol)
            try await scene.event("the close") { $0.cause == "closed" }
            #expect(try await daemon.stop() == 0)
            let heard = try Self.received(place, "heard").filter(\.isNews)
            #expect(heard.first?.n == opened.n && heard.first?.cause == "opened", "\(heard.map(\.n))")
            #expect(heard.last?.cause == "closed")
            #expect(heard.map(\.n) == heard.map(\.n).sorted())
            // The file has it once.
            #expect(try scene.events().filter { $0.n == opened.n }.count == 1)
        }
    }

    /// `rollback --revision` holds over a restart, with the consumers of the revision; those of the file on the disk do
    /// not run.
    @Test(.timeLimit(.minutes(1)))
    func afterARestartTheConsumersAreThoseOfTheRevisionThatWasBroughtBack() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 1)
            let symbol = try #require(try await exchange.publishEveryMark().first)
            var file = AccountsFile(exchange)
            try file.moveSecrets(in: place)
            file.accounts[0].extra = try Self.sinks(place, "exec cat >> \"$1/former\"")
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            file.accounts[0].extra = try Self.sinks(place, "echo begun >> \"$1/begun\"; exec cat > /dev/null")
            try place.write(file.text(stateFolder: daemon.stateFolder), to: daemon.fileName)
            try await daemon.change("apply")
            try await eventually("the consumer of the changed file") { Self.text(place, "begun") == "begun\n" }
            try await daemon.change("rollback", "--revision", "1")
            #expect(try await daemon.stop() == 0)
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            try await exchange.open(Scene.account, symbol, "Buy", "100")
            let opened = try await daemon.event(Scene.account, "the opening") { $0.cause == "opened" }
            try await eventually("the opening at the former consumer") {
                try Self.received(place, "former").contains { $0.n == opened.n }
            }
            #expect(Self.text(place, "begun") == "begun\n", "nobody uses it after the restart")
            #expect(try await daemon.history().map(\.kind) == ["start", "apply", "rollback"])
            #expect(try await daemon.stop() == 0)
        }
    }

    private static func text(_ place: Workplace, _ name: String) -> String {
        (try? String(contentsOf: place.file(name), encoding: .utf8)) ?? ""
    }

    private static func size(_ file: URL) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return try #require((attributes[.size] as? NSNumber)?.intValue)
    }
}
