import Foundation
import Testing

extension EndToEnd {
    /// Trouble is never silent: it is in `status`, and it is told.
    @Suite struct Visibility {}
}

extension EndToEnd.Visibility {
    /// The store waits five seconds for a lock; then it is in trouble.
    @Test(.timeLimit(.minutes(1)))
    func aStoreThatCannotBeWrittenIsSeenAndItsEnd() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            // What SQLite locks when it writes: a byte in the index of its log.
            let descriptor = open(place.file("d/state/default/store.sqlite-shm").path, O_RDWR)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            try await eventually("the lock") { Self.lock(descriptor, F_WRLCK) }
            try await exchange.open("sub-001", scene.symbols[1], "Buy", "100")
            let status = try await daemon.waitFor("degradation") { $0.health != "healthy" }
            #expect(status.account("sub-001")?.state == "live")
            let alert = try await scene.event("the alert") { $0.event == "alert" && $0.state == "opened" }
            #expect(alert.text?.contains("store") == true, "\(alert.text ?? "nil")")
            #expect(Self.lock(descriptor, F_UNLCK))
            try await daemon.waitUntilHealthy()
            try await scene.event("its end") {
                $0.event == "alert" && $0.code == alert.code && $0.state == "resolved"
            }
            try await scene.finish()
        }
    }

    private static func lock(_ descriptor: Int32, _ kind: Int32) -> Bool {
        var range = flock()
        range.l_type = Int16(kind)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = 120
        range.l_len = 1
        return fcntl(descriptor, F_SETLK, &range) == 0
    }

    /// Whoever asks why the account is degraded must not have to read the log.
    @Test(.timeLimit(.minutes(1)))
    func theReasonOfAFailingSinkIsInStatus() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 2, held: 0)
            #expect(try await scene.daemon.stop() == 0)
            var file = AccountsFile(scene.exchange)
            file.accounts[0].extra = "overrides: { sinks: [ { jsonl: { path: /dev/full } } ] }"
            let daemon = try await Daemon.start(file, in: place, name: "full")
            let status = try await daemon.waitFor("degradation") {
                $0.account("sub-001")?.health == "degraded"
            }
            let reason = status.account("sub-001")?.lastError ?? "nil"
            #expect(reason.contains("/dev/full") && reason.contains("No space left"), "\(reason)")
            // What could not be written is lost with the process, and the exit code says so.
            #expect(try await daemon.stop() == 1)
        }
    }

    /// The document has `tickers.last_error`.
    @Test(.timeLimit(.minutes(1)))
    func theReasonWhyTheTickersAreAwayIsInStatus() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            var file = AccountsFile(exchange)
            file.publicURL = "ws://127.0.0.1:9/v5/public/linear"
            let daemon = try await Daemon.start(file, in: place)
            let answer = try await daemon.ask(["status", "--output", "json"])
            #expect(answer.code == 1)
            let tickers = answer.output.components(separatedBy: "\"budgets\"").first ?? ""
            #expect(tickers.lowercased().contains("refused"), "\(tickers)")
            #expect(try await daemon.stop() == 0)
        }
    }
}
