import Foundation
import Testing

extension EndToEnd {
    /// What must hold when tickers fall silent, their connection dies, or holders come and go meanwhile.
    @Suite struct TickerFailures {}
}

extension EndToEnd.TickerFailures {
    @Test(.timeLimit(.minutes(1)))
    func oneSilentTickerIsSubscribedAnewAndTheOthersNeverNotice() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 6, stream: ["ticker_stale_after: 1s"])
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let silent = scene.symbols[2]
            let others = scene.symbols.filter { $0 != silent }
            let before = try await scene.moment()
            // Late answers keep the gap open until it has been looked at.
            try await exchange.setFaults([
                "ack_delay_ms": .number(600), "silence": .object(["symbol": .string(silent)]),
            ])
            let stale = try await scene.event("stale") { $0.cause == "stale" }
            #expect(stale.symbol == silent && stale.stale == true)
            let last = try #require(try scene.marks(of: silent).last { $0.n < stale.n })
            #expect(last.markPrice == stale.markPrice && stale.emittedTs - last.emittedTs >= 950)
            let (code, gap) = try await daemon.status()
            #expect(code == 1 && gap.health == "degraded")
            #expect(gap.account("sub-001")?.state == "live")
            #expect(gap.tickers.receiving == 5 && gap.tickers.desired == 6)
            try await scene.waitForMarks(others)

            let back = try await scene.event("its ticker") {
                $0.symbol == silent && $0.isTickerMark && $0.n > stale.n
            }
            #expect(back.stale == false)
            try await exchange.post("/faults/clear")
            try await scene.waitForMarks(scene.symbols, count: 2)
            let status = try await daemon.waitUntilHealthy()
            #expect(status.tickers.connects == 1 && status.tickers.receiving == 6)
            // The new subscription went out after the answer to the end of the old one.
            let ended = try await exchange.record("unsubscribed", since: before)
            let begun = try await exchange.record("subscribed", since: before)
            #expect(ended.map(\.text) == ["tickers." + silent] && begun.map(\.text) == ["tickers." + silent])
            #expect(begun[0].time - ended[0].time >= 600)
            #expect(try await exchange.record("connected", "rejected", since: before).isEmpty)
            let upset = try scene.events().filter { ["stale", "fresh"].contains($0.cause) }
            #expect(Set(upset.map(\.symbol)) == [silent])
            try await scene.finish()
        }
    }

    /// One symbol alone is subscribed anew first, which a silent connection does not answer with data either.
    @Test(.timeLimit(.minutes(1)), arguments: [1, 4])
    func aConnectionThatAnswersPingsAndDeliversNothingIsReplaced(held: Int) async throws {
        try await Workplace.with { place in
            let stream = ["ticker_stale_after: 1s", "ping_interval: 1s", "pong_timeout: 10s"]
            let scene = try await Scene.start(in: place, held: held, stream: stream)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let symbols = Array(scene.symbols.prefix(held))
            let before = try await scene.moment()
            try await exchange.kill("public", how: "stall")
            let status = try await daemon.waitFor("a new connection") {
                $0.tickers.connects == 2 && $0.tickers.receiving == held && $0.health == "healthy"
            }
            #expect(status.account("sub-001")?.private.connects == 1)
            let opened = try await exchange.record("connected", since: before)
            let ended = try await exchange.record("disconnected", since: before)
            #expect(opened.map(\.text) == ["public/linear"] && ended.map(\.text) == ["public/linear"])
            try await scene.waitForMarks(symbols)
            let events = try scene.events()
            for symbol in symbols {
                let stale = try #require(events.last { $0.symbol == symbol && $0.cause == "stale" })
                #expect(events.contains { $0.symbol == symbol && $0.isTickerMark && $0.n > stale.n }, "\(symbol)")
            }
            #expect(!events.contains { $0.event == "account.state" && $0.old == "live" })
            try await scene.finish()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatIsOpenedAroundAReconnectIsSubscribedOnTheNewConnection() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 6, held: 3)
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            let before = try await scene.moment()
            // In the moment before, while nobody gets in, and in the moment after.
            try await scene.refuseUpgrades()
            try await exchange.open("sub-001", symbols[3], "Buy", "100")
            try await exchange.kill("public")
            try await exchange.open("sub-001", symbols[4], "Sell", "100")
            let opened = try await scene.event("opened") { $0.symbol == symbols[4] }
            #expect(opened.cause == "opened" && opened.stale == true, "there is no ticker yet")
            try await scene.waitForRefusals(2, since: before)
            try await exchange.post("/faults/clear")
            try await exchange.open("sub-001", symbols[5], "Buy", "100")
            let connected = try await eventually("the new connection") {
                try await exchange.record("connected", since: before).first
            }
            try await scene.waitForMarks(symbols, count: 2)
            let status = try await daemon.waitUntilHealthy()
            #expect(status.tickers.receiving == 6 && status.tickers.desired == 6)
            #expect(status.account("sub-001")?.private.connects == 1)
            let topics = try await exchange.record("subscribed", since: before)
                .filter { $0.connection == connected.connection }
            #expect(topics.compactMap(\.text).sorted() == symbols.map { "tickers." + $0 }.sorted())
            try await scene.finish()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatIsClosedDuringADisconnectLeavesNoTickerBehind() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, stream: ["ticker_linger: 30s"])
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            let before = try await scene.moment()
            // One lingers when the connection dies, one is closed while there is none.
            try await exchange.close("sub-001", symbols[0])
            try await scene.refuseUpgrades()
            try await exchange.kill("public")
            try await exchange.close("sub-001", symbols[1])
            try await scene.event("closed") { $0.symbol == symbols[1] && $0.cause == "closed" }
            try await scene.waitForRefusals(1, since: before)
            try await exchange.post("/faults/clear")
            let status = try await daemon.waitFor("the rest") { $0.tickers.receiving == 2 && $0.health == "healthy" }
            #expect(status.tickers.desired == 2 && status.tickers.active == 2)
            #expect(try await scene.tickerTopics() == symbols[2...].map { "tickers." + $0 }.sorted())
            for symbol in symbols { try await scene.moveMark(symbol) }
            try await scene.waitForMarks(Array(symbols[2...]))
            let events = try scene.events()
            for symbol in symbols[..<2] {
                #expect(events.last { $0.symbol == symbol }?.cause == "closed", "\(symbol)")
            }
            try await scene.finish()
        }
    }

    /// The idle connection may live or have died; either way it takes no time that anybody would notice.
    @Test(.timeLimit(.minutes(1)))
    func nothingHappensWhileNothingIsHeldAndThenAPriceComesWithinASecond() async throws {
        try await Workplace.with { place in
            let stream = [
                "ticker_linger: 100ms", "ping_interval: 1s", "pong_timeout: 500ms", "reconcile_interval: 1s",
            ]
            let scene = try await Scene.start(in: place, held: 1, stream: stream)
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            try await self.letGo(scene, symbols[0])
            let before = try await scene.moment()
            let events = try scene.events().count
            try await scene.waitForSweeps(2)
            #expect(try scene.events().count == events)
            #expect(try await exchange.record("connected", "disconnected", "subscribed", since: before).isEmpty)
            let status = try await daemon.status()
            #expect(status.code == 0 && status.document.tickers.desired == 0)
            #expect(status.document.account("sub-001")?.private.connects == 1)
            try await self.expectAPriceWithinASecond(scene, symbols[1])

            try await self.letGo(scene, symbols[1])
            try await exchange.kill("public")
            try await daemon.waitFor("an end") { $0.tickers.state == "idle" }
            try await self.expectAPriceWithinASecond(scene, symbols[2])
            try await scene.finish()
        }
    }

    private func letGo(_ scene: Scene, _ symbol: String) async throws {
        let before = try await scene.moment()
        try await scene.exchange.close("sub-001", symbol)
        try await eventually("the end of the topic") {
            try await scene.exchange.record("unsubscribed", since: before).contains { $0.text == "tickers." + symbol }
        }
    }

    private func expectAPriceWithinASecond(_ scene: Scene, _ symbol: String) async throws {
        try await scene.exchange.open("sub-001", symbol, "Buy", "100")
        let opened = try await scene.event("opened") { $0.symbol == symbol && $0.cause == "opened" }
        let priced = try await scene.event("a price") { $0.symbol == symbol && $0.n >= opened.n && $0.stale == false }
        let row = try #require(
            try await scene.exchange.record("position", account: "sub-001").first { $0.seq == opened.seq }
        )
        #expect(priced.emittedTs - row.time <= 1000)
    }

    @Test(.timeLimit(.minutes(1)))
    func answersMayComeLateAndDataBeforeThem() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1, stream: ["ticker_linger: 100ms"])
            let (exchange, daemon, symbol) = (scene.exchange, scene.daemon, scene.symbols[1])
            let topic = "tickers." + symbol
            try await exchange.setFaults(["ack_delay_ms": .number(700), "data_before_ack": .flag(true)])
            let before = try await scene.moment()
            try await exchange.open("sub-001", symbol, "Buy", "100")
            let mark = try await scene.event("a mark") { $0.symbol == symbol && $0.cause == "mark" }
            let subscribed = try #require(try await exchange.record("subscribed", since: before).first)
            #expect(mark.emittedTs - subscribed.time < 700, "the mark waited for the answer")
            try await daemon.waitFor("the answer") { $0.tickers.active == 2 && $0.tickers.receiving == 2 }

            // Wanted again before the answer to the end: it is asked for again after that, or it would be refused.
            try await exchange.close("sub-001", symbol)
            let ended = try await eventually("the end of the topic") {
                try await exchange.record("unsubscribed", since: before).first { $0.text == topic }
            }
            try await exchange.open("sub-001", symbol, "Sell", "100")
            let again = try await eventually("the new subscription") {
                try await exchange.record("subscribed", since: ended.index).first { $0.text == topic }
            }
            #expect(again.time - ended.time >= 700)
            try await scene.waitForMarks([symbol], count: 2)
            try await exchange.post("/faults/clear")
            try await daemon.waitUntilHealthy()
            #expect(try await exchange.record("rejected", "connected", since: before).isEmpty)
            try await scene.finish()
        }
    }
}
