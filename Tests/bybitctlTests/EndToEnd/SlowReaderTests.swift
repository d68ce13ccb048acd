import Foundation
import Testing

extension EndToEnd {
    /// A reader a thousand times too slow.
    @Suite struct SlowReaders {}
}

extension EndToEnd.SlowReaders {
    /// It costs the daemon a few megabytes and nobody else anything; when it reads on, it gets every opening and close,
    /// and of the marks the newest.
    @Test(.timeLimit(.minutes(1)))
    func aFollowerThatStandsStillCostsLittleMemoryAndMissesNoLifecycleEvent() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 10, symbols: 24)
            let symbols = try await exchange.publishEveryMark()
            let names = exchange.ready.accounts.map(\.name)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitUntilHealthy()
            for name in names { for symbol in symbols { try await exchange.open(name, symbol, "Buy", "100") } }
            try await daemon.waitFor("all tickers") { $0.tickers.receiving == 24 }
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(5)])
            let written = { try names.map { try Self.size(daemon.eventFile($0)) }.reduce(0, +) }

            let follower = try Follower(daemon)
            defer { follower.kill() }
            try await eventually("the follower's first bytes") { follower.hasBytes }
            let start = try written()
            // Past everything that buffers on the way hold, so that from here on only the queue may grow.
            try await eventually("six megabytes") { try written() > start + 6_000_000 }
            let memory = try daemon.memory()
            try await exchange.close(names[3], symbols[5])
            try await eventually("another 16 megabytes", within: .seconds(40)) { try written() > start + 22_000_000 }
            let growth = try daemon.memory() - memory
            #expect(growth < 6_000_000 || Workplace.isSanitized, "\(growth) bytes more for 16 MB of events")
            try await exchange.open(names[3], symbols[5], "Sell", "100")
            try await exchange.close(names[7], symbols[9])
            try await exchange.post("/prices", ["running": .flag(false)])
            let last = try await daemon.event(names[7], "the last close") { $0.cause == "closed" }

            let lines = try await follower.readUntil("\"n\":\(last.n),")
            let events = try JSONLines.decode(EventLine.self, from: lines)
            var numbers: [String: Int64] = [:]
            for event in events {
                #expect(event.n > numbers[event.account] ?? 0, "\(event.account) n=\(event.n) goes back")
                numbers[event.account] = event.n
            }
            #expect(events.map { $0.conflated ?? 0 }.reduce(0, +) > 5000)
            let news = events.filter(\.isLifecycle).map { "\($0.account) \($0.key) \($0.cause ?? "")" }
            #expect(
                news == [
                    "\(names[3]) \(symbols[5]) 0 closed", "\(names[3]) \(symbols[5]) 0 opened",
                    "\(names[7]) \(symbols[9]) 0 closed",
                ]
            )
            #expect(try await daemon.stop() == 0)
            try await self.checkFiles(exchange, daemon)
        }
    }

    /// The files have it all, whatever the follower did.
    private func checkFiles(_ exchange: Exchange, _ daemon: Daemon) async throws {
        for name in ["sub-004", "sub-008"] {
            let rows = try await exchange.record("position", account: name)
            let told = try daemon.events(name).filter(\.isLifecycle)
            let truth = TruthCheck.expected(rows)
            #expect(told.map(\.cause) == truth.map(\.cause) && told.map(\.seq) == truth.map(\.row.seq), "\(name)")
        }
    }

    private static func size(_ file: URL) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return try #require((attributes[.size] as? NSNumber)?.intValue)
    }
}

/// `bybitctl events` into a pipe that is read only on demand.
private final class Follower {
    private let process = Process()
    private let pipe = Pipe()

    init(_ daemon: Daemon) throws {
        self.process.executableURL = Workplace.program
        self.process.arguments = ["events", "--state-dir", daemon.stateFolder]
        self.process.environment = ["PATH": "/usr/bin:/bin", "HOME": daemon.place.folder.path]
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = self.pipe
        self.process.standardError = FileHandle.nullDevice
        try self.process.run()
    }

    /// Whether something waits in the pipe.
    var hasBytes: Bool {
        var entry = pollfd(fd: self.pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    /// Whole lines up to the one that holds `mark`.
    func readUntil(_ mark: String) async throws -> Data {
        var data = Data()
        let wanted = Data(mark.utf8)
        try await eventually("\(mark) in the follower's output") {
            while self.hasBytes {
                let chunk = self.pipe.fileHandleForReading.availableData
                if chunk.isEmpty { throw Disappointment("the follower ended") }
                data += chunk
            }
            return data.last == UInt8(ascii: "\n") && data.range(of: wanted) != nil
        }
        return data
    }

    func kill() {
        if self.process.isRunning { self.process.terminate() }
    }
}
