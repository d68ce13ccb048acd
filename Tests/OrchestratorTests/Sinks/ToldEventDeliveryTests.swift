import Foundation
import HybridStream
import Testing

@testable import Orchestrator

/// What a kill must not lose is in the store until it has arrived, while accounts and sinks come and go.
@Suite(.timeLimit(.minutes(2))) struct ToldEventDeliveryTests {
    private static func told(_ account: String, _ n: Int64) -> ToldEvent {
        let text = """
            {"v":1,"event":"position.update","account":"\(account)","n":\(n),"cause":"opened"}\n
            """
        return ToldEvent(n: n, line: Array(text.utf8))
    }

    private static func remembered(_ fleet: SinkFleet) async throws -> [String: [Int64]] {
        try await fleet.store.flush()
        let loaded = try Store.open(path: fleet.store.path).loadAll(["a", "b"])
        return Dictionary(uniqueKeysWithValues: loaded.map { ($0.account, $0.told.map(\.n)) }).filter {
            !$0.value.isEmpty
        }
    }

    /// Somebody else goes on writing, until something is so: files report only while something is written.
    private static func write(
        _ account: String,
        to queue: EventQueue,
        _ fleet: SinkFleet,
        until isSo: ([String: [Int64]]) -> Bool
    ) async throws {
        let event = Self.told(account, 1)
        fleet.store.record(account: account, changes: [], told: event)
        while try await !isSo(Self.remembered(fleet)) {
            queue.append([event.line])
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test func whatWasLeftOfAnAccountThatComesLaterIsKeptForIt() async throws {
        try await SinkFleet.with { fleet in
            // As a process has left it that was killed.
            for n in 1...3 { fleet.store.record(account: "a", changes: [], told: Self.told("a", Int64(n))) }
            try await fleet.store.flush()
            let busy = try await fleet.add("b", [fleet.file("b")])
            await fleet.sinks.filled()
            try await Self.write("b", to: busy[0], fleet) { $0["b"] == nil }
            #expect(try await Self.remembered(fleet) == ["a": [1, 2, 3]], "nobody has taken them yet")
            _ = try await fleet.add("a", [fleet.file("a")])
            try await fleet.until("the file") { fleet.numbers("a") == [1, 2, 3] }
            try await Self.write("b", to: busy[0], fleet) { $0.isEmpty }
            // It comes back in the same process: that has been delivered.
            _ = await fleet.sinks.remove(account: "a")
            _ = try await fleet.add("a", [fleet.file("a")])
            _ = await fleet.sinks.remove(account: "a")
            #expect(fleet.numbers("a") == [1, 2, 3])
        }
    }

    @Test func whatNobodyWillEverTakeIsForgotten() async throws {
        try await SinkFleet.with { fleet in
            fleet.store.record(account: "a", changes: [], told: Self.told("a", 1))
            try await fleet.store.flush()
            let busy = try await fleet.add("b", [fleet.file("b")])
            await fleet.sinks.filled()
            fleet.store.forgetToldEvents(ofOthersThan: ["b"])
            try await Self.write("b", to: busy[0], fleet) { $0.isEmpty }
        }
    }

    /// The only child so far comes while files have reported for long.
    @Test func aChildThatComesLaterIsWaitedFor() async throws {
        try await SinkFleet.with { fleet in
            let busy = try await fleet.add("b", [fleet.file("b")])
            await fleet.sinks.filled()
            try await Self.write("b", to: busy[0], fleet) { $0.isEmpty }
            let queues = try await fleet.add("a", [fleet.exec(command: [fleet.path("none"), fleet.folder])])
            try await fleet.until("the trouble") { !fleet.changes.isEmpty }
            let event = Self.told("a", 7)
            fleet.store.record(account: "a", changes: [], told: event)
            queues[0].append([event.line])
            let removal = fleet.removal(of: "a")
            for n in 2...40 {
                let other = Self.told("b", Int64(n))
                fleet.store.record(account: "b", changes: [], told: other)
                busy[0].append([other.line])
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await Self.remembered(fleet)["a"] == [7], "it is on its way out and has it not")
            #expect(fleet.sinks.pending(account: "a").count == 1)
            _ = await fleet.sinks.close(timeout: .zero)
            #expect(await removal.value.isComplete == false)
            #expect(try await Self.remembered(fleet)["a"] == [7])
        }
    }
}
