import Foundation
import Testing

extension EndToEnd {
    /// What is told of a time in which nothing was heard, and where marks come from meanwhile.
    @Suite struct Gaps {}
}

extension EndToEnd.Gaps {
    @Test(.timeLimit(.minutes(1)))
    func eachGapEndsWithAReport() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 4)
            let (exchange, symbols) = (scene.exchange, scene.symbols)
            try await exchange.kill("public")
            let tickers = try await scene.event("the tickers' report") { $0.event == "recovery" }
            #expect(tickers.stream == "tickers" && tickers.lost == 4 && tickers.restored == 4)
            #expect(tickers.missing == [] && (0..<5_000).contains(tickers.gapMs ?? -1))
            // Two changes fall into the gap of the private connection.
            try await scene.refuseUpgrades()
            let before = try await scene.moment()
            try await exchange.kill("private")
            try await scene.waitForRefusals(1, since: before)
            try await exchange.close("sub-001", symbols[0])
            try await exchange.open("sub-001", symbols[1], "Buy", "100")
            try await exchange.post("/faults/clear")
            let report = try await scene.event("the private report") { $0.stream == "private" }
            #expect(report.lost == 4 && report.restored == 3 && report.changes == 2)
            #expect(report.reason?.isEmpty == false && report.text?.contains("2 changes") == true)
            let events = try scene.events()
            let closed = try #require(events.first { $0.cause == "closed" })
            #expect(closed.n < report.n, "what was missed comes before the report")
            try await scene.daemon.waitUntilHealthy()
            #expect(try scene.events().filter { $0.event == "recovery" }.count == 2)
            #expect(scene.daemon.process.errors.contains("private stream is back"))
            #expect(scene.daemon.process.errors.contains("tickers are back"))
            #expect(try await scene.daemon.stop() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aSymbolThatStaysSilentGetsItsMarksOverREST() async throws {
        try await Workplace.with { place in
            let stream = ["ticker_stale_after: 1s", "rest_poll_interval: 500ms"]
            let scene = try await Scene.start(in: place, symbols: 4, stream: stream)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let silent = scene.symbols[1]
            try await exchange.setFaults([
                "silence": .object(["symbol": .string(silent), "sticky": .flag(true)])
            ])
            try await eventually("marks over REST") {
                try scene.events().filter { $0.symbol == silent && $0.source == "rest" }.count >= 3
            }
            let polled = try scene.events().filter { $0.symbol == silent && $0.source == "rest" }
            #expect(polled.allSatisfy { ["mark", "fresh"].contains($0.cause) && $0.stale == false })
            let shown = Set(try await exchange.record("mark").filter { $0.symbol == silent }.compactMap(\.mark))
            #expect(polled.compactMap(\.markPrice).allSatisfy(shown.contains), "each is one the exchange had")
            let times = polled.compactMap(\.exchangeTs)
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
            // A position with prices all the same, and yet nobody may call this healthy.
            let (code, status) = try await daemon.status()
            #expect(code == 1 && status.health == "degraded" && status.tickers.receiving == 3)
            let others = Set(try scene.events().filter { $0.source == "rest" }.map(\.symbol))
            #expect(others == [silent])

            try await exchange.post("/faults/clear")
            try await scene.waitForMarks([silent], count: 2)
            try await daemon.waitUntilHealthy()
            try await scene.event("the report") { $0.stream == "tickers" && $0.restored ?? 0 >= 1 }
            try await scene.finish()
        }
    }

    /// Pings are answered, and nothing is told: only REST can show that.
    @Test(.timeLimit(.minutes(1)))
    func aPrivateConnectionThatTellsNothingIsFoundAndReplaced() async throws {
        try await Workplace.with { place in
            let stream = ["reconcile_interval: 1s", "ping_interval: 1s", "pong_timeout: 5s"]
            let scene = try await Scene.start(in: place, symbols: 3, stream: stream)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            try await exchange.kill("private", how: "stall")
            try await exchange.close("sub-001", scene.symbols[0])
            try await scene.event("the close, by a sweep") { $0.cause == "closed" }
            let report = try await scene.event("a new connection") { $0.stream == "private" }
            #expect(report.reason == "the private connection does not tell what REST shows")
            let status = try await daemon.waitUntilHealthy()
            #expect(status.account("sub-001")?.private.connects == 2)
            // The new one tells by itself.
            let before = try scene.events().count
            try await exchange.close("sub-001", scene.symbols[1])
            try await eventually("the next close") {
                try scene.events().dropFirst(before).contains { $0.cause == "closed" }
            }
            try await scene.finish()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatIsMissingForFifteenSecondsIsOneAlert() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 3)
            try await scene.refuseUpgrades()
            try await scene.exchange.kill("public")
            let alert = try await scene.daemon.event("sub-001", "the alert", within: .seconds(30)) {
                $0.event == "alert" && $0.code == "tickers_not_restored"
            }
            #expect(alert.state == "opened" && alert.severity == "warning")
            #expect(scene.symbols.allSatisfy { alert.text?.contains($0) == true })
            try await scene.exchange.post("/faults/clear")
            try await scene.event("its end") { $0.code == "tickers_not_restored" && $0.state == "resolved" }
            let report = try await scene.event("the report") { $0.stream == "tickers" }
            #expect(report.restored == 3 && report.gapMs ?? 0 >= 15_000)
            #expect(try scene.events().filter { $0.code == "tickers_not_restored" }.count == 2)
            try await scene.daemon.waitUntilHealthy()
            try await scene.finish()
        }
    }
}
