import Foundation
import Testing

extension EndToEnd {
    /// What must hold when the host is to blame: damaged files, what a dead process left, another daemon.
    @Suite struct HostFailures {}
}

extension EndToEnd.HostFailures {
    @Test(.timeLimit(.minutes(1)))
    func aStoreThatIsNoDatabaseIsRefusedByNameAndLeftAsItIs() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            #expect(try await daemon.stop() == 0)
            let store = place.file("d/state/default/store.sqlite")
            let foreign = Data(repeating: UInt8(ascii: "x"), count: 5000)
            try foreign.write(to: store)
            let before = try await scene.moment()
            let result = try await place.run(["start", place.file(daemon.fileName).path])
            #expect(result.code == 1)
            #expect(
                result.errors.contains(store.path) && result.errors.contains("not a SQLite database"),
                "\(result.errors)"
            )
            #expect(try Data(contentsOf: store) == foreign, "it was changed")
            #expect(try await daemon.ask(["status"]).code == 3)
            #expect(try await exchange.record("connected", "rest", since: before).isEmpty)
        }
    }

    /// Each time the daemon goes on without it, and says so until its next start.
    @Test(.timeLimit(.minutes(1)))
    func aDamagedStoreIsSetAsideAndTheDaemonGoesOn() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1)
            let daemon = scene.daemon
            #expect(try await daemon.stop() == 0)
            let store = place.file("d/state/default/store.sqlite")
            let good = try Data(contentsOf: store)
            let damages = [
                ("half", good.prefix(good.count / 2 + 100)),
                ("hole", good.prefix(4096) + Data(count: good.count - 4096)),
            ]
            for (what, damage) in damages {
                try damage.write(to: store)
                let told = try scene.events()
                try await daemon.restart()
                let status = try await daemon.waitFor("the account") { $0.account("sub-001")?.state == "live" }
                #expect(status.health == "degraded", "\(what)")
                let path = try #require(
                    try FileManager.default.contentsOfDirectory(atPath: place.file("d/state/default").path)
                        .filter { $0.hasPrefix("store.sqlite.damaged-") && $0.hasSuffix("Z") }.max()
                )
                #expect(status.account("sub-001")?.lastError?.contains(path) == true, "\(what)")
                #expect(try Data(contentsOf: place.file("d/state/default/\(path)")) == damage, "\(what)")
                #expect(try place.mode(of: "d/state/default/\(path)") == 0o600)
                #expect(daemon.process.errors.contains(path), "the log says where it is")
                try await eventually("the opening") {
                    try scene.events().dropFirst(told.count)
                        .contains { $0.cause == "opened" && $0.symbol == scene.symbols[0] }
                }
                let alert = try scene.events().dropFirst(told.count).first { $0.code == "store_set_aside" }
                #expect(alert?.severity == "critical" && alert?.state == "opened", "\(what)")
                #expect(alert?.text?.contains(path) == true, "\(what)")
                let numbers = try scene.events().map(\.n)
                #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "\(what): numbers go back")
                #expect(try await daemon.stop() == 0)
            }
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func ofDaemonsThatStartTogetherOneRunsAndTheOthersSayWhyNot() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            let first = try await Daemon.start(AccountsFile(exchange), in: place)
            first.process.send(SIGKILL)
            #expect(try await first.process.exitCode() == -SIGKILL)
            // Its socket and its lock are still there.
            let folder = place.file("d/state/default").path
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).contains("control.sock"))
            let file = place.file(first.fileName).path
            let daemons = try (0..<3).map { _ in try place.start(["start", file]) }
            try await eventually("two ends") { daemons.filter(\.isRunning).count == 1 }
            let winner = try #require(daemons.first { $0.isRunning })
            try await eventually("readiness") { winner.errors.contains("\"ready\"") }
            for loser in daemons where loser !== winner {
                #expect(try await loser.exitCode() == 75)
                #expect(loser.errors.contains("is running already"), "\(loser.errors)")
            }
            let status = try await first.waitUntilHealthy()
            #expect(status.pid == winner.pid)
            #expect(try await exchange.state().connections.count == 2)
            try await eventually("a mark") { try first.events("sub-001").last?.cause == "mark" }
            let numbers = try first.events("sub-001").map(\.n)
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
            winner.send(SIGTERM)
            #expect(try await winner.exitCode() == 0)
        }
    }

    /// The terminal is closed; the daemon goes on.
    @Test(.timeLimit(.minutes(1)))
    func aHangUpEndsNothing() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1)
            scene.daemon.process.send(SIGHUP)
            try await scene.waitForMarks([scene.symbols[0]], count: 3)
            #expect(scene.daemon.process.isRunning)
            try await scene.finish(isInterrupted: false)
        }
    }
}
