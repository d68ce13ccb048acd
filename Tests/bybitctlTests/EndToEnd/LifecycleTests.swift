import Foundation
import Testing

extension EndToEnd {
    /// From the start of a daemon to its end, and on.
    @Suite struct Lifecycle {}
}

extension EndToEnd.Lifecycle {
    /// The first lines after an opening, until something moves.
    private func start(
        _ place: Workplace,
        accounts: Int = 2
    ) async throws -> (exchange: Exchange, daemon: Daemon) {
        let exchange = try await Exchange.start(in: place, accounts: accounts, symbols: 4)
        let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
        try await daemon.waitUntilHealthy()
        return (exchange, daemon)
    }

    @Test(.timeLimit(.minutes(1)))
    func sigtermFlushesEverythingAndClosesEverySocketProperly() async throws {
        try await Workplace.with { place in
            let (exchange, daemon) = try await self.start(place)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            try await exchange.open("sub-002", "BTCUSDT", "Sell", "0.25")
            for name in ["sub-001", "sub-002"] { try await daemon.event(name, "a mark") { $0.cause == "mark" } }
            // Something is always under way when the end comes.
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(10)])
            let connected = try await exchange.record("connected")
            #expect(
                connected.map(\.text).sorted { ($0 ?? "") < ($1 ?? "") } == ["private", "private", "public/linear"]
            )
            #expect(try await daemon.stop() == 0)
            let ends = try await eventually("the end of all connections") {
                let ends = try await exchange.record("disconnected")
                return ends.count == connected.count ? ends : nil
            }
            #expect(ends.map(\.code) == [1000, 1000, 1000])
            for name in ["sub-001", "sub-002"] {
                let data = try Data(contentsOf: daemon.eventFile(name))
                #expect(data.last == UInt8(ascii: "\n"))
                let events = try daemon.events(name)
                #expect(events.map(\.n) == events.indices.map { events[0].n + Int64($0) })
            }
            let after = try await daemon.ask(["status"])
            #expect(after.code == 3)
            #expect(after.errors.contains("is not running"))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func stateIsPrivateAndOneInstanceOwnsIt() async throws {
        try await Workplace.with { place in
            let (exchange, daemon) = try await self.start(place)
            try await exchange.open("sub-001", "ETHUSDT", "Buy", "1")
            try await daemon.event("sub-001", "opened") { $0.cause == "opened" }
            let folder = "d/state/default"
            #expect(try place.mode(of: folder) == 0o700)
            for name in try FileManager.default.contentsOfDirectory(atPath: place.file(folder).path) {
                #expect(try place.mode(of: "\(folder)/\(name)") == 0o600, "\(name)")
            }
            #expect(try place.mode(of: "d/events/sub-001.jsonl") & 0o077 == 0)
            let second = try await place.run(["start", place.file(daemon.fileName).path])
            #expect(second.code == 75)
            #expect(second.errors.contains("\(daemon.process.pid)"), "\(second.errors)")
            #expect(try await daemon.status().code == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aRestartResyncsAndGoesOnCounting() async throws {
        try await Workplace.with { place in
            let (exchange, daemon) = try await self.start(place)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            try await exchange.open("sub-001", "ETHUSDT", "Sell", "2")
            try await exchange.open("sub-001", "SOLUSDT", "Sell", "3")
            try await daemon.event("sub-001", "three openings") { $0.cause == "opened" && $0.symbol == "SOLUSDT" }
            #expect(try await daemon.stop() == 0)
            let before = try daemon.events("sub-001")
            // One stays as it was, one grows, one goes, one comes, while nobody looks.
            try await exchange.open("sub-001", "ETHUSDT", "Sell", "1")
            try await exchange.close("sub-001", "SOLUSDT")
            try await exchange.open("sub-001", "1000PEPEUSDT", "Buy", "500")
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            let expected: Set = [
                "BTCUSDT resync", "ETHUSDT increased", "SOLUSDT closed", "1000PEPEUSDT opened",
            ]
            try await eventually("what the sweep found") {
                let news = try daemon.events("sub-001").dropFirst(before.count)
                return news.filter { $0.isLifecycle || $0.cause == "resync" }.count >= expected.count
            }
            #expect(try await daemon.stop() == 0)
            let events = try daemon.events("sub-001")
            let news = events.dropFirst(before.count).filter { $0.isLifecycle || $0.cause == "resync" }
            #expect(news.count == expected.count)
            #expect(Set(news.map { "\($0.symbol ?? "") \($0.cause ?? "")" }) == expected)
            #expect(events.map(\.n) == events.indices.map { events[0].n + Int64($0) })
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func numbersSkipAheadAfterAKillAndNothingIsTakenTwice() async throws {
        try await Workplace.with { place in
            let (exchange, daemon) = try await self.start(place)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            try await exchange.open("sub-001", "ETHUSDT", "Buy", "1")
            try await daemon.event("sub-001", "a mark") { $0.cause == "mark" && $0.symbol == "ETHUSDT" }
            // The store is written apart from the events; it has the openings once their rows are in its file.
            try await eventually("the store's rows") {
                let stored = try place.files().filter { $0.lastPathComponent.hasPrefix("store.sqlite") }
                    .map { try Data(contentsOf: $0) }
                return ["BTCUSDT", "ETHUSDT"].allSatisfy { symbol in
                    stored.contains { $0.range(of: Data(symbol.utf8)) != nil }
                }
            }
            daemon.process.send(SIGKILL)
            #expect(try await daemon.process.exitCode() == -SIGKILL)
            let before = try daemon.events("sub-001")
            #expect(try await daemon.ask(["status"]).code == 3)
            // The socket's file is still there; it keeps nobody from starting.
            try await daemon.restart()
            try await daemon.waitUntilHealthy()
            try await daemon.event("sub-001", "marks again") { $0.cause == "mark" && $0.n > (before.last?.n ?? 0) + 1 }
            let news = try daemon.events("sub-001").dropFirst(before.count)
            let last = try #require(before.last)
            let first = try #require(news.first)
            #expect(first.n > last.n)
            let all = (before + news).map(\.n)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0 < $1 })
            #expect(news.filter(\.isLifecycle).map(\.cause) == [])
            #expect(news.filter { $0.cause == "resync" }.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func detachReturnsWhenReadyOrFailsWithTheError() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            let state = place.file("d/state").path
            let file = try place.write(AccountsFile(exchange).text(stateFolder: state), to: "d/accounts.yaml").path
            let started = try await place.run(["start", file, "--detach"])
            #expect(started.code == 0)
            #expect(started.errors.contains("is ready, pid"))
            let answer = try await place.run(["status", "--config", file, "--output", "json"])
            let document = try JSONLines.decoder.decode(StatusDocument.self, from: Data(answer.output.utf8))
            #expect(started.errors.contains("pid \(document.pid)"))
            #expect(answer.code == 0)
            let second = try await place.run(["start", file, "--detach"])
            #expect(second.code == 75)
            kill(document.pid, SIGTERM)
            try await eventually("the daemon's end") { kill(document.pid, 0) != 0 }
            #expect(try await place.run(["status", "--config", file]).code == 3)
        }
    }
}
