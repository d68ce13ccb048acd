import Foundation
import Testing

extension EndToEnd {
    /// What must hold when those who read the events cannot keep up: full disks, pipes without readers, slow followers.
    @Suite struct SinkFailures {}
}

extension EndToEnd.SinkFailures {
    private static func sink(_ path: String) -> String { "overrides: { sinks: [ { jsonl: { path: \"\(path)\" } } ] }" }

    /// The file is a link to a device that is always full, until there is room again.
    @Test(.timeLimit(.minutes(1)))
    func aFullDiskDegradesItsAccountAloneAndNothingIsLost() async throws {
        try await Workplace.with { place in
            let link = place.file("d/full/sub-001.jsonl")
            try place.write("", to: "d/full/.keep")
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "/dev/full")
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 3)
            let symbols = try await exchange.publishEveryMark()
            for name in ["sub-001", "sub-002"] { try await exchange.open(name, symbols[0], "Buy", "100") }
            var file = AccountsFile(exchange)
            file.accounts[0].extra = Self.sink("full/{account}.jsonl")
            let daemon = try await Daemon.start(file, in: place)
            let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: symbols)
            let status = try await daemon.waitFor("degradation") { $0.account("sub-001")?.health == "degraded" }
            #expect(status.health == "degraded")
            #expect(status.account("sub-001")?.state == "live", "the stream itself is well")
            #expect(try await daemon.ask(["status", "--quiet"]).code == 1)
            // The alert cannot stand in the file, but whoever follows is told.
            let told = try await daemon.ask(["events", "--account", "sub-001", "--since", "10m", "--count", "4"])
            let alert = try JSONLines.decode(EventLine.self, from: Data(told.output.utf8)).first { $0.event == "alert" }
            #expect(alert?.code == "sink_failed" && alert?.state == "opened", "\(told.output)")
            #expect(alert?.text?.contains(link.path) == true, "\(alert?.text ?? "nil")")
            #expect(daemon.process.errors.contains("No space left on device"))
            // The others go on, in time.
            try await daemon.waitFor("health of the other") { $0.account("sub-002")?.health == "healthy" }
            try await scene.waitForMarks([symbols[0]], count: 3, "sub-002")
            try await exchange.open("sub-001", symbols[1], "Sell", "100")
            try await exchange.open("sub-002", symbols[1], "Sell", "100")
            try await exchange.close("sub-001", symbols[0])
            try await daemon.event("sub-002", "an opening") { $0.cause == "opened" && $0.symbol == symbols[1] }

            try FileManager.default.removeItem(at: link)
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.stop() == 0)
            let events = try JSONLines.decode(EventLine.self, from: Data(contentsOf: link))
            #expect(events.map(\.n) == events.indices.map { events[0].n + Int64($0) }, "nothing is missing")
            #expect(events.first?.n == 1)
            let alerts = events.filter { $0.event == "alert" }
            #expect(alerts.map(\.code) == ["sink_failed", "sink_failed"])
            #expect(alerts.map(\.state) == ["opened", "resolved"])
            let rows = try await exchange.record("position")
            let marks = try await exchange.record("mark")
            for (name, events) in [("sub-001", events), ("sub-002", try daemon.events("sub-002"))] {
                let news = events.filter(\.isLifecycle)
                #expect(news.count == TruthCheck.expected(rows.filter { $0.account == name }).count)
                let check = TruthCheck(account: name, category: "linear", events: events, rows: rows, marks: marks)
                #expect(check.problems == [])
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aPipeThatNobodyReadsHoldsUpNoOtherFile() async throws {
        try await Workplace.with { place in
            try place.write("", to: "d/pipes/.keep")
            let pipe = place.file("d/pipes/sub-001.jsonl").path
            try #require(mkfifo(pipe, 0o600) == 0)
            let scene = try await Scene.start(in: place, accounts: 2, held: 0) {
                $0.accounts[0].extra = Self.sink("pipes/{account}.jsonl")
            }
            let (exchange, daemon, symbol) = (scene.exchange, scene.daemon, scene.symbols[0])
            try await exchange.open("sub-002", symbol, "Buy", "100")
            // More than a pipe holds.
            for size in 1...120 {
                try await exchange.open("sub-001", symbol, "Buy", "\(size)")
                try await exchange.close("sub-001", symbol)
            }
            try await exchange.close("sub-002", symbol)
            try await daemon.event("sub-002", "the close") { $0.cause == "closed" }
            #expect(try await daemon.status().document.health == "healthy", "a reader that takes its time is no fault")
            // Then it reads after all, and gets everything in order.
            let reader = try PipeReader(path: pipe)
            let stopped = try await daemon.stop()
            let text = reader.finish()
            #expect(stopped == 0)
            let events = try JSONLines.decode(EventLine.self, from: text)
            let check = TruthCheck(
                account: "sub-001",
                category: "linear",
                events: events,
                rows: try await exchange.record("position"),
                marks: try await exchange.record("mark"),
                isInterrupted: true
            )
            #expect(check.problems == [] && check.lifecycleCount == 240)
        }
    }
}

/// Reads a named pipe to its end on a thread of its own.
private final class PipeReader: @unchecked Sendable {
    private let handle: FileHandle
    private let isDone = DispatchSemaphore(value: 0)
    private var data = Data()

    init(path: String) throws {
        self.handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        Thread.detachNewThread {
            self.data = self.handle.readDataToEndOfFile()
            self.isDone.signal()
        }
    }

    /// What came until the writer was gone.
    func finish() -> Data {
        self.isDone.wait()
        return self.data
    }
}
