import Foundation
import Testing

extension EndToEnd {
    /// A changed file on a running fleet.
    @Suite struct Apply {}
}

extension EndToEnd.Apply {
    private static let accounts = 1_000

    private func write(_ file: AccountsFile, _ daemon: Daemon) throws {
        try daemon.place.write(file.text(stateFolder: daemon.stateFolder), to: daemon.fileName)
    }

    @Test(.timeLimit(.minutes(3)))
    func oneAccountOfAThousandChangesAndTheOthersKeepTheirConnections() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: Self.accounts, symbols: 4)
            var file = AccountsFile(exchange)
            file.stream += [
                "connection_budget: { connections: 100000, per: 5m }", "rest_budget: { requests: 100000, per: 1s }",
            ]
            let (changed, other) = (file.accounts[499].name, file.accounts[0].name)
            for name in [changed, other] { try await exchange.open(name, "BTCUSDT", "Buy", "0.5") }
            let daemon = try await Daemon.start(file, in: place, waits: false)
            try await daemon.waitFor("health", within: .seconds(90)) { $0.health == "healthy" }
            let before = try await exchange.state()
            #expect(before.connections.filter { $0.socket == "private" }.count == Self.accounts)

            file.accounts[499].extra = "dry_run: false"
            try self.write(file, daemon)
            let start = ContinuousClock.now
            let (code, accounts) = try await daemon.change(["apply", daemon.place.file(daemon.fileName).path])
            let time = start.duration(to: .now)
            #expect(code == 0)
            #expect(accounts.map(\.name) == [changed])
            #expect(accounts.map(\.outcome) == ["done"])
            #expect(time < .seconds(15), "\(time)")

            let old = try #require(before.connections.first { $0.account == changed })
            let ended = try await exchange.record("disconnected", since: before.nextIndex)
            #expect(ended.map(\.connection) == [old.connection])
            #expect(ended.map(\.code) == [1000])
            let begun = try await exchange.record("connected", "authenticated", since: before.nextIndex)
            #expect(begun.map(\.kind) == ["connected", "authenticated"])
            #expect(begun.last?.account == changed)
            let after = try await exchange.state().connections
            let kept = Set(before.connections.map(\.connection)).subtracting([old.connection])
            #expect(Set(after.map(\.connection)).isSuperset(of: kept) && after.count == before.connections.count)

            let document = try await daemon.waitUntilHealthy()
            let connects = document.accounts.filter { $0.private.connects != 1 }.map(\.name)
            #expect(connects == [], "the changed one begins anew as well")
            let lifecycle = try daemon.events(changed).filter { $0.isLifecycle || $0.cause == "resync" }
            #expect(lifecycle.map(\.cause) == ["opened", "resync"])
            #expect(try daemon.events(other).filter(\.isNews).map(\.cause) == ["opened"])
            #expect(try await daemon.history().map(\.kind) == ["start", "apply"])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// What nothing may have changed in.
    private struct Picture: Equatable {
        var connections: [Int]
        var revisions: Int
        var accounts: [String]
        var nextNumbers: Int
    }

    private func picture(_ exchange: Exchange, _ daemon: Daemon) async throws -> Picture {
        let document = try await daemon.status().document
        return Picture(
            connections: try await exchange.state().connections.map(\.connection).sorted(),
            revisions: try await daemon.history().count,
            accounts: document.accounts.map { "\($0.name) \($0.state) \($0.mode) \($0.private.connects)" }.sorted(),
            nextNumbers: try await exchange.record("connected", "disconnected", "refused").count
        )
    }

    @Test(.timeLimit(.minutes(1)))
    func aBrokenFileChangesNothing() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 3, held: 1)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let before = try await self.picture(exchange, daemon)
            let path = place.file(daemon.fileName).path
            let good = try String(contentsOfFile: path, encoding: .utf8)
            let line = good.split(separator: "\n", omittingEmptySubsequences: false).count
            let broken = [
                (good + "acounts: []\n", "\(line):1", "accounts"),
                (good.replacing("enabled: true", with: "enabled: maybe"), "", "maybe"),
                (good + "  - name: sub-001\n", "", "sub-001"),
                (good.replacing("version: 1", with: "version: [1"), "", "YAML"),
            ]
            for (text, location, word) in broken {
                try place.write(text, to: daemon.fileName)
                let answer = try await daemon.ask(["apply", path])
                #expect(answer.code == 78, "\(word): \(answer.errors)")
                #expect(answer.errors.contains("\(path):\(location)"), "\(word): \(answer.errors)")
                #expect(answer.errors.firstMatch(of: /accounts\.yaml:\d+:\d+/) != nil, "\(word): \(answer.errors)")
                #expect(answer.errors.contains(word), "\(word): \(answer.errors)")
                // The daemon that reads it itself comes to the same.
                let own = try await daemon.ask(["apply"])
                #expect(own.code == 78 && own.errors.firstMatch(of: /accounts\.yaml:\d+:\d+/) != nil, "\(own.errors)")
                #expect(try await self.picture(exchange, daemon) == before, "\(word)")
            }
            daemon.process.send(SIGHUP)
            try await eventually("the refusal in the log") {
                daemon.process.errors.contains("could not be applied, and nothing was changed")
            }
            #expect(try await self.picture(exchange, daemon) == before)
            try await scene.waitForMarks([scene.symbols[0]])
            try place.write(good, to: daemon.fileName)
            let same = try await daemon.ask(["apply", path])
            #expect(same.code == 0, "\(same.errors)")
            #expect(try await self.picture(exchange, daemon) == before)
            try await scene.finish()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatNeedsAnotherStartIsRefusedWithItsKeys() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 3, held: 1)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let before = try await self.picture(exchange, daemon)
            let path = place.file(daemon.fileName).path
            let good = try String(contentsOfFile: path, encoding: .utf8)
            let changes: [(from: String, to: String, keys: [String])] = [
                ("category: linear", "category: linear\n  settle_coins: [USDT]", ["exchange.settle_coins"]),
                (exchange.ready.rest, "http://127.0.0.1:9", ["exchange.endpoints.rest"]),
                ("threads: 2", "threads: 3", ["runtime.threads"]),
            ]
            for (from, to, keys) in changes {
                #expect(good.contains(from))
                // An account that would change as well is left as it is.
                var text = good.replacing(from, with: to)
                text = text.replacing("- name: sub-002\n", with: "- name: sub-002\n    mode: rest\n")
                try place.write(text, to: daemon.fileName)
                let answer = try await daemon.ask(["apply", path])
                #expect(answer.code == 1, "\(answer.output)\(answer.errors)")
                for key in keys { #expect(answer.errors.contains(key), "\(key): \(answer.errors)") }
                #expect(answer.errors.contains("nothing was changed"), "\(answer.errors)")
                #expect(try await self.picture(exchange, daemon) == before, "\(to)")
            }
            try await scene.waitForMarks([scene.symbols[0]])
            try await scene.finish()
        }
    }
}
