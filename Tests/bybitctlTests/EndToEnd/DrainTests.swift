import Foundation
import Testing

extension EndToEnd {
    /// Taking accounts out of a running process, and back in.
    @Suite struct Drains {}
}

extension EndToEnd.Drains {
    /// Tickers are released, the socket is closed with 1000, nothing is lost, and nobody else notices; the way back goes on
    /// where the account was.
    @Test(.timeLimit(.minutes(2)))
    func aDrainedAccountIsGoneWithNothingLostAndComesBack() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 6)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            try await exchange.open("sub-002", "ETHUSDT", "Sell", "2")
            var file = AccountsFile(exchange)
            file.stream += ["ticker_linger: 1s"]
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            try await daemon.event("sub-001", "opened") { $0.cause == "opened" }

            let drained = try await daemon.ask(["drain", "sub-001"])
            #expect(drained.code == 0, "\(drained.errors)")
            #expect(drained.output == "sub-001: hybrid -> drained (revision 2)\n")
            let closed = try await exchange.record("disconnected", account: "sub-001")
            #expect(closed.map(\.code) == [1000])
            try await eventually("the ticker's end") {
                try await exchange.record("unsubscribed").contains { $0.text == "tickers.BTCUSDT" }
            }
            let events = try daemon.events("sub-001")
            #expect(events.last?.event == "account.state" && events.last?.new == "drained")
            #expect(events.map(\.n) == Array(1...Int64(events.count)))
            // A drained account counts neither for nor against health.
            let status = try await daemon.status()
            #expect(status.code == 0)
            #expect(status.document.account("sub-001")?.state == "drained")
            #expect(try await exchange.record("disconnected", account: "sub-002").isEmpty)

            let again = try await daemon.ask(["drain", "sub-001"])
            #expect(again.code == 0 && again.output.contains("unchanged"), "\(again.output)")

            // What happens meanwhile is found by the way back.
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
            let resumed = try await daemon.ask(["resume", "sub-001"])
            #expect(resumed.code == 0, "\(resumed.errors)")
            try await daemon.event("sub-001", "increased") { $0.cause == "increased" && $0.size == "0.6" }
            #expect(try await daemon.stop() == 0)
            let all = try daemon.events("sub-001")
            #expect(all.map(\.n) == Array(1...Int64(all.count)), "numbers go on without a hole")
            #expect(all.filter(\.isLifecycle).map(\.cause) == ["opened", "increased"])
        }
    }

    /// A child that does not read holds the drain up: the command says so at its timeout. What was told is kept for it, and
    /// once it reads, the drain comes to its end by itself.
    @Test(.timeLimit(.minutes(3)))
    func aHangingChildIsNamedAtTheTimeoutAndLosesNothing() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 4)
            var file = AccountsFile(exchange)
            file.accounts[0].extra = try EndToEnd.ExecSinks.sinks(
                place,
                "until [ -e \"$1/go\" ]; do sleep 0.1; done; exec cat > \"$1/received\""
            )
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            // More than a pipe holds.
            for _ in 0..<150 {
                try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
                try await exchange.open("sub-001", "BTCUSDT", "Sell", "0.05")
            }
            try await daemon.event("sub-001", "the last change") { $0.size == "7.5" }

            let drained = try await daemon.ask(["drain", "sub-001", "--timeout", "2s"])
            #expect(drained.code == 124, "\(drained.output) \(drained.errors)")
            #expect(drained.errors.contains("exec ") && drained.errors.contains("not read"), "\(drained.errors)")
            let status = try await daemon.status().document
            #expect(status.account("sub-001")?.state == "draining")
            #expect(status.account("sub-002")?.state == "live")
            // Nothing more is told, and the connection is still there.
            #expect(try await exchange.record("disconnected", account: "sub-001").isEmpty)

            try place.write("", to: "go")
            try await daemon.waitFor("the drain's end") { $0.account("sub-001")?.state == "drained" }
            #expect(try await exchange.record("disconnected", account: "sub-001").map(\.code) == [1000])
            let written = try daemon.events("sub-001")
            #expect(written.map(\.n) == Array(1...Int64(written.count)))
            let received = try JSONLines.decode(EventLine.self, from: try Data(contentsOf: place.file("received")))
            let kept = { (lines: [EventLine]) in lines.filter { $0.event != "position.update" || $0.isLifecycle } }
            #expect(kept(received).map(\.n) == kept(written).map(\.n))
            #expect(try await daemon.stop() == 0)
        }
    }

    /// SIGTERM with a hanging child: the daemon ends in time, and says that it could not deliver everything.
    @Test(.timeLimit(.minutes(2)))
    func theEndDoesNotWaitForAHangingDrain() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 4)
            var file = AccountsFile(exchange)
            file.accounts[0].extra = try EndToEnd.ExecSinks.sinks(place, "exec sleep 600", stopTimeout: "500ms")
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            for _ in 0..<150 {
                try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
                try await exchange.open("sub-001", "BTCUSDT", "Sell", "0.05")
            }
            try await daemon.event("sub-001", "the last change") { $0.size == "7.5" }
            let drained = try await daemon.ask(["drain", "sub-001", "--timeout", "1s"])
            #expect(drained.code == 124)
            daemon.process.send(SIGTERM)
            #expect(try await daemon.process.exitCode() == 1)
            #expect(daemon.process.errors.contains("not every event could be delivered"))
        }
    }
}
