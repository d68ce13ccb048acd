import Foundation
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) final class ToldEventTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/told-\(UUID().uuidString)"

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.folder)
        } catch {
            // Some tests make no folder.
        }
    }

    private static func line(_ account: String, _ n: Int64) -> [UInt8] {
        Array(
            "{\"v\":1,\"event\":\"position.update\",\"account\":\"\(account)\",\"n\":\(n),\"cause\":\"opened\"}\n".utf8
        )
    }

    private static func event(_ account: String, _ n: Int64) -> ToldEvent {
        ToldEvent(n: n, line: self.line(account, n))
    }

    @Test func keepsWhatNeedNotHaveReachedTheFiles() async throws {
        let path = self.folder + "/store.sqlite"
        let store = try Store.open(path: path)
        for n in 1...3 { store.record(account: "a", changes: [], told: Self.event("a", Int64(n))) }
        store.record(account: "b", changes: [], told: Self.event("b", 7))
        // As the writer does before it writes; what comes after a kill is read by the next process.
        store.secureTold()
        let next = try Store.open(path: path)
        let loaded = try next.loadAll(["a", "b", "c"])
        #expect(loaded.map { $0.told.map(\.n) } == [[1, 2, 3], [7], []])
        #expect(loaded[1].told == [Self.event("b", 7)])
        try await next.close()
        try await store.close()
    }

    @Test func forgetsWhatStandsInEveryFile() async throws {
        let path = self.folder + "/store.sqlite"
        let store = try Store.open(path: path)
        store.record(account: "a", changes: [], told: Self.event("a", 1))
        try await store.flush()
        let between = ContinuousClock.now
        store.record(account: "a", changes: [], told: Self.event("a", 2))
        store.toldEventsDelivered(before: between)
        try await store.flush()
        #expect(try Self.told(path) == [2])
        store.record(account: "a", changes: [], told: Self.event("a", 3))
        store.forgetToldEvents()
        try await store.close()
        #expect(try Self.told(path) == [])
    }

    private static func told(_ path: String) throws -> [Int64] {
        try Store.open(path: path).loadAll(["a"])[0].told.map(\.n)
    }

    @Test func findsTheLastWholeLineOfEachAccount() throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let path = self.folder + "/events.jsonl"
        #expect(LastNumbers.inFile(path, of: ["a"]) == [:])
        var bytes: [UInt8] = []
        // More than one piece of reading, with accounts whose last line lies far back.
        bytes += Self.line("early", 5) + Self.line("early", 6)
        for n in 1...20_000 { bytes += Self.line("busy", Int64(n)) }
        bytes += Array("no event at all\n".utf8) + Self.line("busy-2", 3)
        bytes += Self.line("busy", 20_001).dropLast(4)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let wanted: Set<String> = ["early", "busy", "busy-2", "nobody"]
        #expect(LastNumbers.inFile(path, of: wanted) == ["early": 6, "busy": 20_000, "busy-2": 3])
        // Rotated a moment ago.
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        try Data(Self.line("busy", 20_002)).write(to: URL(fileURLWithPath: path))
        #expect(LastNumbers.inFile(path, of: wanted) == ["early": 6, "busy": 20_002, "busy-2": 3])
        #expect(LastNumbers.inFile("/dev/null", of: ["a"]) == [:])
    }
}
