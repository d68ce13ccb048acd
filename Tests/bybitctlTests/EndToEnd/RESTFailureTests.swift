import Foundation
import Testing

extension EndToEnd {
    /// What must hold when REST fails, lags, is slow or is held back, while the streams go on.
    @Suite struct RESTFailures {}
}

extension EndToEnd.RESTFailures {
    /// More positions than a page holds, so that half a listing can be had.
    @Test(.timeLimit(.minutes(1)))
    func aSweepThatFailsOnItsSecondPageTouchesNothing() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 230)
            let symbols = Array(try await exchange.marks().map(\.symbol).prefix(225))
            for symbol in symbols { try await exchange.open("sub-001", symbol, "Buy", "100") }
            let held = try await exchange.state().holdings("sub-001")
            try #require(held.count == 225)
            try await exchange.setFaults(["partial_sweep": .flag(true)])
            var file = AccountsFile(exchange)
            file.stream += ["reconcile_interval: 1s"]
            let daemon = try await Daemon.start(file, in: place)
            let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: symbols)
            let status = try await daemon.status()
            #expect(status.code == 1 && status.document.account("sub-001")?.state == "degraded")
            #expect(status.document.account("sub-001")?.lastError?.contains("10016") == true)
            #expect(status.document.holdings("sub-001").isEmpty, "the first page alone is no listing")
            #expect(!(try scene.events().contains { $0.event == "position.update" }))
            try await exchange.post("/faults/clear")
            try await daemon.waitFor("all positions", within: .seconds(30)) {
                $0.holdings("sub-001") == held && $0.health == "healthy"
            }

            // What closes while the socket is away is not believed, and what did not close is not closed.
            let news = try scene.events().filter(\.isNews).count
            #expect(news == held.count)
            try await exchange.setFaults(["partial_sweep": .flag(true)])
            try await exchange.kill("private")
            try await exchange.close("sub-001", symbols[0])
            try await daemon.waitFor("failed sweeps") {
                $0.account("sub-001")?.state == "degraded"
                    && $0.account("sub-001")?.lastError?.contains("10016") == true
            }
            #expect(try await daemon.status().document.holdings("sub-001") == held)
            #expect(try scene.events().filter(\.isNews).count == news)
            try await exchange.post("/faults/clear")
            let closed = try await scene.event("closed") { $0.cause == "closed" }
            #expect(closed.symbol == symbols[0])
            try await daemon.waitUntilHealthy()
            #expect(try scene.events().filter(\.isNews).count == news + 1)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// One account for each way in which a listing is none.
    @Test(.timeLimit(.minutes(1)))
    func answersThatAreNoListingTouchNothing() async throws {
        try await Workplace.with { place in
            let answers: [[String: JSONField]] = [
                ["html": .flag(true)], ["status": .number(200)], ["drop_reply": .flag(true)],
                ["status": .number(502), "html": .flag(true)], ["ret_code": .number(10016)],
            ]
            let scene = try await Scene.start(in: place, accounts: answers.count, symbols: 2, held: 1)
            let (exchange, daemon, symbol) = (scene.exchange, scene.daemon, scene.symbols[0])
            let names = exchange.ready.accounts.map(\.name)
            for name in names.dropFirst() { try await exchange.open(name, symbol, "Buy", "200") }
            try await daemon.waitFor("all positions") { document in
                names.allSatisfy { document.account($0)?.positions?.count == 1 }
            }
            try await exchange.setRESTFaults(
                zip(names, answers).map { name, answer in
                    answer.merging(["path": .string("/v5/position/list"), "account": .string(name)]) { $1 }
                }
            )
            try await exchange.kill("private")
            let status = try await daemon.waitFor("failed sweeps") { document in
                names.allSatisfy {
                    document.account($0)?.state == "degraded"
                        && document.account($0)?.lastError?.contains("position/list") == true
                }
            }
            for name in names {
                let account = try #require(status.account(name))
                #expect(account.positions?.map(\.symbol) == [symbol], "\(name) forgot its position")
                #expect(account.private.state == "live" && account.health == "degraded", "\(name)")
                try await scene.waitForMarks([symbol], name)
            }
            // The socket alone is believed meanwhile.
            try await exchange.close(names[0], symbol)
            try await daemon.event(names[0], "closed") { $0.cause == "closed" }
            try await exchange.setRESTFaults([])
            try await daemon.waitUntilHealthy()
            for name in names.dropFirst() {
                let news = try scene.events(name).filter(\.isNews)
                #expect(news.map(\.cause) == ["opened"], "\(name)")
            }
            try await scene.finish()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aSweepOlderThanTheSocketUndoesNothing() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 2, stream: ["reconcile_interval: 1s"])
            let (exchange, symbols) = (scene.exchange, scene.symbols)
            // REST tells what was true two seconds ago.
            try await exchange.setFaults(["stale_sweep": .number(2000)])
            try await exchange.open("sub-001", symbols[2], "Buy", "100")
            try await exchange.open("sub-001", symbols[0], "Buy", "100")
            try await exchange.close("sub-001", symbols[1])
            try await scene.waitForSweeps(1)
            try await exchange.close("sub-001", symbols[2])
            try await exchange.open("sub-001", symbols[1], "Sell", "300")
            try await exchange.open("sub-001", symbols[0], "Sell", "100")
            try await scene.waitForSweeps(1)
            let truth = try await exchange.state().holdings("sub-001")
            #expect(try await scene.daemon.status().document.holdings("sub-001") == truth)
            let status = try await scene.daemon.waitUntilHealthy()
            #expect(status.account("sub-001")?.private.connects == 1)
            // Every change once and in order, none of them twice and none taken back.
            try await scene.finish(isInterrupted: false)
        }
    }

    /// Until the time that the exchange names, or for two seconds if it names none.
    @Test(.timeLimit(.minutes(1)))
    func aRateLimitHoldsUpItsAccountAlone() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 3, stream: ["reconcile_interval: 1s"])
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            let before = try await scene.moment()
            let limited: [(name: String, hasTime: Bool)] = [("sub-001", true), ("sub-002", false)]
            try await exchange.setRESTFaults(
                limited.map { name, hasTime in
                    [
                        "path": .string("/v5/position/list"), "account": .string(name), "ret_code": .number(10006),
                        "no_reset_header": .flag(!hasTime), "count": .number(1),
                    ]
                }
            )
            try await eventually("the refusals") {
                try await exchange.record("rest", since: before).filter { $0.retCode == 10006 }.count == 2
            }
            // The streams do not care.
            try await exchange.close("sub-001", symbols[0])
            let closed = try await scene.event("closed") { $0.cause == "closed" }
            for (name, hasTime) in limited {
                let requests = try await eventually("the next request of \(name)") { () -> ArraySlice<Fact>? in
                    let requests = try await scene.listings(name, since: before)
                        .drop { $0.retCode != 10006 }
                    return requests.count > 1 ? requests : nil
                }
                let (refused, next) = (requests[requests.startIndex], requests[requests.startIndex + 1])
                let pause = next.time - refused.time
                let wanted: Int64 = hasTime ? 1000 : 2000
                #expect((wanted - 50...wanted + 900).contains(pause), "\(name) asked again after \(pause) ms")
                #expect(closed.emittedTs < next.time)
                // It is asked once a second, which is as long as the shorter of the two pauses.
                let others = try await scene.listings("sub-003", since: refused.index).filter {
                    $0.time < next.time + 100
                }
                #expect(!others.isEmpty, "the third was held up with \(name)")
            }
            try await scene.waitForMarks(Array(symbols[1...]))
            try await daemon.waitUntilHealthy()
            for (name, _) in limited {
                #expect(!(try scene.events(name).contains { $0.event == "account.state" && $0.old == "live" }))
            }
            #expect(try await exchange.record("rest", since: before).filter { $0.retCode == 10006 }.count == 2)
            try await scene.finish(isInterrupted: false)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func faultsOverloadAndSlownessOfRESTLeaveTheStreamsAlone() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 5, stream: ["reconcile_interval: 1s"])
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            let troubles: [(fault: [String: JSONField], isFailure: Bool)] = [
                (["status": .number(503), "html": .flag(true)], true), (["status": .number(429)], false),
                (["delay_ms": .number(1000)], false),
            ]
            for (number, trouble) in troubles.enumerated() {
                let before = try await scene.moment()
                try await exchange.setFaults(["rest": .object(trouble.fault.merging(["path": .string("/v5")]) { $1 })])
                if trouble.isFailure {
                    let status = try await daemon.waitFor("the reason") { $0.account("sub-001")?.state == "degraded" }
                    #expect(status.account("sub-001")?.lastError?.contains("503") == true)
                    #expect(status.account("sub-001")?.positions?.allSatisfy { !$0.stale } == true)
                } else {
                    try await eventually("a request") { try await !scene.listings(since: before).isEmpty }
                }
                try await exchange.close("sub-001", symbols[number])
                let closed = try await scene.event("closed") { $0.symbol == symbols[number] && $0.cause == "closed" }
                let row = try #require(
                    try await exchange.record("position", since: before).first { $0.seq == closed.seq }
                )
                #expect(closed.emittedTs - row.time < 1000)
                try await scene.waitForMarks([symbols[4]], count: 3)
                try await exchange.setFaults(["rest": .flag(false)])
                let status = try await daemon.waitUntilHealthy()
                #expect(status.tickers.connects == 1 && status.account("sub-001")?.private.connects == 1)
            }
            try await scene.finish(isInterrupted: false)
        }
    }
}
