import Foundation
import Testing

extension EndToEnd {
    /// The example that authors of consumers start from, as it lies in the repository.
    @Suite(.enabled(if: Example.isPossible, "needs Python 3 in /usr/bin")) struct ExampleSinks {}
}

private enum Example {
    /// Where the bare environment of the programs under test looks.
    static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    static let program = (1...4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        .appendingPathComponent("examples/consumer.py")

    /// What the example prints of an event.
    static func line(_ event: EventLine, open: Int) -> String {
        """
        \(event.account) \(event.symbol ?? "") \(event.cause ?? "") side=\(event.side ?? "") size=\(event.size ?? "") \
        position_amt=\(event.positionAmt ?? "") entry_price=\(event.entryPrice ?? "") \
        mark_price=\(event.markPrice ?? "") unrealized_pnl=\(event.unrealizedPnl ?? "") \
        leverage=\(event.leverage ?? "") open=\(open)
        """
    }

    static let files = "{ jsonl: { path: \"events/{account}.jsonl\" } }"
}

extension EndToEnd.ExampleSinks {
    /// Two accounts with the same command share one process, and what it prints stands in the daemon's log.
    @Test(.timeLimit(.minutes(1)))
    func theExampleRunsAsAChildOfTheDaemon() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let symbol = try #require(try await exchange.publishEveryMark().first)
            var file = AccountsFile(exchange)
            for index in file.accounts.indices {
                file.accounts[index].extra =
                    "overrides: { sinks: [ \(Example.files), { exec: { command: [\"\(Example.program.path)\"] } } ] }"
            }
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            let log = { daemon.process.errors.split(separator: "\n") }
            let started = try #require(log().first { $0.contains("a consumer is started") })
            #expect(log().filter { $0.contains("a consumer is started") }.count == 1)
            #expect(started.contains("for sub-001 and 1 more account"))
            for (open, name) in ["sub-001", "sub-002"].enumerated() {
                try await exchange.open(name, symbol, "Sell", "100")
                let event = try await daemon.event(name, "the opening") { $0.cause == "opened" }
                let line = Example.line(event, open: open + 1)
                try await eventually("\(line) in the log") { log().contains { $0.contains(line) } }
            }
            try await exchange.close("sub-001", symbol)
            let closed = try await daemon.event("sub-001", "the close") { $0.cause == "closed" }
            let line = Example.line(closed, open: 1)
            try await eventually("\(line) in the log") { log().contains { $0.contains(line) } }
            #expect(try await daemon.stop() == 0)
            #expect(!daemon.process.errors.contains("Traceback"))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func theExampleReadsFromASocket() async throws {
        try await Workplace.with { place in
            let socket = place.file("events.sock").path
            let scene = try await Scene.start(in: place, held: 0) {
                $0.accounts[0].extra = "overrides: { sinks: [ \(Example.files), { socket: { path: \"\(socket)\" } } ] }"
            }
            let consumer = try ChildProcess(
                Example.program,
                ["--socket", socket],
                environment: ["PATH": "/usr/bin:/bin"],
                folder: place.folder,
                log: place.file("consumer")
            )
            defer { consumer.send(SIGKILL) }
            try await eventually("its connection") {
                try await scene.exchange.attempt(
                    "/positions",
                    [
                        "account": .string(Scene.account), "symbol": .string(scene.symbols[0]), "side": .string("Buy"),
                        "size": .string("100"),
                    ]
                )
                return !consumer.lines.isEmpty
            }
            try await scene.exchange.close(Scene.account, scene.symbols[0])
            let closed = try await scene.event("the close") { $0.cause == "closed" }
            let line = Example.line(closed, open: 0)
            try await eventually(line) { consumer.lines.contains(line) }
            #expect(try await scene.daemon.stop() == 0)
            #expect(try await consumer.exitCode() == 0, "it ends with the daemon: \(consumer.errors)")
        }
    }
}
