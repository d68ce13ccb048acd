import Foundation
import Testing

extension EndToEnd {
    /// Readers at a Unix socket: good ones, and one that stands still.
    @Suite struct SocketSinks {}
}

/// A connection to a Unix socket.
private final class SocketReader: @unchecked Sendable {
    private let handle: FileHandle
    private let lock = NSLock()
    private var data = Data()
    private var hasEnded = false

    /// - Parameter reads: otherwise it stands still.
    init(_ path: String, reads: Bool = true) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        self.handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw Disappointment("nobody listens at \(path)") }
        if reads { Thread.detachNewThread { self.readAll() } }
    }

    private func readAll() {
        while true {
            let chunk = self.handle.availableData
            self.lock.withLock {
                self.data += chunk
                self.hasEnded = chunk.isEmpty
            }
            if chunk.isEmpty { return }
        }
    }

    var isAtEnd: Bool { self.lock.withLock { self.hasEnded } }

    /// Whole lines so far.
    func events() throws -> [EventLine] {
        let data = self.lock.withLock { self.data }
        let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return try JSONLines.decode(EventLine.self, from: data[..<end])
    }
}

extension EndToEnd.SocketSinks {
    private static func sinks(_ path: String) -> String {
        "overrides: { sinks: [ { jsonl: { path: \"events/{account}.jsonl\" } }, { socket: { path: \"\(path)\" } } ] }"
    }

    /// The one that stands still costs a few megabytes; the other gets every event.
    @Test(.timeLimit(.minutes(2)))
    func aReaderThatStandsStillDisturbsNobody() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 24)
            let symbols = try await exchange.publishEveryMark()
            let path = place.file("sockets/all.sock").path
            var file = AccountsFile(exchange)
            for index in file.accounts.indices { file.accounts[index].extra = Self.sinks(path) }
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            #expect(try place.mode(of: "sockets") == 0o700)
            #expect(try place.mode(of: "sockets/all.sock") == 0o600)
            var stuck: SocketReader? = try SocketReader(path, reads: false)
            let fast = try SocketReader(path)
            for name in ["sub-001", "sub-002"] {
                for symbol in symbols { try await exchange.open(name, symbol, "Buy", "100") }
            }
            try await daemon.waitFor("all tickers") { $0.tickers.receiving == 24 }
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(5)])
            let written = {
                let path = daemon.eventFile("sub-001").path
                return try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber).intValue
            }
            try await eventually("two megabytes", within: .seconds(40)) { try written() > 2_000_000 }
            let memory = try daemon.memory()
            try await eventually("another eight megabytes", within: .seconds(60)) { try written() > 10_000_000 }
            let growth = try daemon.memory() - memory
            #expect(growth < 6_000_000, "\(growth) bytes more for 16 MB of events")
            #expect(try await daemon.status().document.health == "healthy", "a reader's slowness is its own affair")
            try await exchange.post("/prices", ["running": .flag(false)])
            for name in ["sub-001", "sub-002"] { try await exchange.close(name, symbols[3]) }
            #expect(stuck != nil)
            stuck = nil
            #expect(try await daemon.stop() == 0)
            try await eventually("the end of its stream") { fast.isAtEnd }
            let heard = try fast.events()
            #expect(!FileManager.default.fileExists(atPath: path))
            for name in ["sub-001", "sub-002"] {
                let mine = heard.filter { $0.account == name }
                let told = try daemon.events(name)
                let first = try #require(mine.first?.n)
                #expect(mine.map(\.n) == told.map(\.n).filter { $0 >= first }, "\(name)")
                // It may have been accepted only when the first positions were open already.
                let opened = told.filter { $0.cause == "opened" }
                #expect(opened.count == 24)
                #expect(mine.filter { $0.cause == "opened" }.count == opened.count { $0.n >= first })
            }
        }
    }

    /// The accounts go on without their socket, and have it as soon as it is free.
    @Test(.timeLimit(.minutes(1)))
    func aSocketOfAnotherProcessIsLeftToIt() async throws {
        try await Workplace.with { place in
            let path = place.file("all.sock").path
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let symbols = try await exchange.publishEveryMark()
            var first = AccountsFile(exchange, only: ["sub-001"])
            first.accounts[0].extra = Self.sinks(path)
            let owner = try await Daemon.start(first, in: place, name: "a")
            try await owner.waitUntilHealthy()
            var second = AccountsFile(exchange, only: ["sub-002"])
            second.accounts[0].extra = Self.sinks(path)
            let daemon = try await Daemon.start(second, in: place, name: "b")
            let status = try await daemon.waitFor("degradation") { $0.account("sub-002")?.health == "degraded" }
            let error = try #require(status.account("sub-002")?.lastError)
            #expect(error.contains("process \(owner.process.pid) listens there already"), "\(error)")
            try await exchange.open("sub-002", symbols[0], "Buy", "100")
            try await daemon.event("sub-002", "an opening") { $0.cause == "opened" }
            // Killed, it leaves its socket behind.
            owner.process.send(SIGKILL)
            _ = try await owner.process.exitCode()
            try await daemon.waitUntilHealthy()
            let reader = try SocketReader(path)
            try await eventually("an event at the socket") {
                try await exchange.publishEveryMark()
                return try reader.events().contains { $0.account == "sub-002" && $0.cause == "mark" }
            }
            #expect(try await daemon.stop() == 0)
            let alerts = try daemon.events("sub-002").filter { $0.code == "sink_failed" }
            #expect(alerts.map(\.state) == ["opened", "resolved"])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aPathThatIsTooLongForASocketIsRefusedAtOnce() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 1)
            var file = AccountsFile(exchange)
            file.accounts[0].extra = Self.sinks("/tmp/" + String(repeating: "x", count: 100))
            let path = try place.write(file.text(stateFolder: place.file("state").path), to: "accounts.yaml").path
            let result = try await place.run(["start", path])
            #expect(result.code == 78)
            #expect(result.errors.contains("105 bytes long, and a Unix socket allows 103"), "\(result.errors)")
        }
    }
}
