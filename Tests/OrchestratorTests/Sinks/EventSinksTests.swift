import Foundation
import HybridStream
import Logging
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) final class EventSinksTests {
    private let folder = "/tmp/bybitctl-sinks-" + UUID().uuidString.prefix(8)

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.folder)
        } catch {
            Issue.record("\(error)")
        }
    }

    private func exec(_ script: String) -> SinkConfiguration {
        var exec = ExecSinkConfiguration()
        exec.command = ["/bin/sh", "-c", script, "sh", self.folder]
        exec.stopTimeout = .seconds(2)
        return .exec(exec)
    }

    private static func told(_ account: String, _ n: Int64) -> ToldEvent {
        let text = """
            {"v":1,"event":"position.update","account":"\(account)","n":\(n),"cause":"opened"}\n
            """
        return ToldEvent(n: n, line: Array(text.utf8))
    }

    private func sinks(_ accounts: [StartPlan.Account], _ store: Store) -> EventSinks {
        let sinks = EventSinks(
            store: store,
            environment: ["PATH": "/usr/bin:/bin"],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onChange: { _, _, _ in },
            onReader: { _, _ in }
        )
        sinks.expect(accounts.map { ($0.identity.name, $0.configuration.strategy.sinks) })
        return sinks
    }

    private func lines(_ name: String) -> [Int64] {
        let data = FileManager.default.contents(atPath: self.folder + "/" + name) ?? Data()
        return Fixtures.split([UInt8](data)).map { Fixtures.number("n", $0) }
    }

    private func remembered(_ path: String) throws -> [Int64] {
        try Store.open(path: path).loadAll(["a", "b"]).flatMap { $0.told.map(\.n) }
    }

    /// What a killed process has left goes to those who need not have got it, and is forgotten when all have it.
    @Test func whatWasLeftIsDeliveredAndForgotten() async throws {
        let path = self.folder + "/store.sqlite"
        let store = try Store.open(path: path)
        for n in 1...4 { store.record(account: "a", changes: [], told: Self.told("a", Int64(n))) }
        store.record(account: "b", changes: [], told: Self.told("b", 1))
        var file = JSONLSinkConfiguration()
        file.path = self.folder + "/file"
        let accounts = [
            StartPlan.Account("a", sinks: [.jsonl(file), self.exec("cat > $1/heard")]),
            StartPlan.Account("b", sinks: [self.exec("cat > $1/heard")]),
        ]
        let sinks = self.sinks(accounts, store)
        let stored = try store.loadAll(["a", "b"])
        var queues: [[EventQueue]] = []
        for (account, stored) in zip(accounts, stored) {
            queues.append(await sinks.add(account: account, stored: stored, written: [file.path: ["a": 2]]))
        }
        #expect(queues.map(\.count) == [2, 1])
        #expect(queues[0][1] === queues[1][0], "one child for both")
        await sinks.filled()
        let end = await sinks.close()
        #expect(end.isComplete && end.hasAllTold)
        #expect(self.lines("file") == [3, 4], "the file has the others")
        #expect(self.lines("heard") == [1, 2, 3, 4, 1])
        try await store.close()
    }

    /// The store forgets what the file has only when the child has it too.
    @Test func nothingIsForgottenThatAChildHasNot() async throws {
        let path = self.folder + "/store.sqlite"
        let store = try Store.open(path: path)
        var file = JSONLSinkConfiguration()
        file.path = self.folder + "/file"
        // The program is there when the test says so.
        var exec = ExecSinkConfiguration()
        exec.command = [self.folder + "/consumer", self.folder]
        exec.restart.initial = .milliseconds(10)
        exec.restart.max = .milliseconds(100)
        let account = StartPlan.Account("a", sinks: [.jsonl(file), .exec(exec)])
        let sinks = self.sinks([account], store)
        let stored = try store.loadAll(["a"])[0]
        let queues = await sinks.add(account: account, stored: stored, written: [:])
        await sinks.filled()
        let event = Self.told("a", 1)
        store.record(account: "a", changes: [], told: event)
        for queue in queues { queue.append([event.line]) }
        while self.lines("file").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        // The file's word is asked for every second; it would be forgotten in the third.
        try await Task.sleep(for: .seconds(4))
        try await store.flush()
        #expect(try self.remembered(path) == [1])
        try "#!/bin/sh\nexec cat > $1/heard\n".write(toFile: exec.command[0], atomically: true, encoding: .utf8)
        #expect(chmod(exec.command[0], 0o700) == 0)
        while try self.remembered(path) != [] {
            try await Task.sleep(for: .milliseconds(100))
            try await store.flush()
        }
        #expect(self.lines("heard") == [1])
        let end = await sinks.close()
        #expect(end.isComplete && end.hasAllTold)
        try await store.close()
    }

    /// It ends before every account has its queues: what was left for the others must not be forgotten.
    @Test func anEndInTheMiddleOfTheStartForgetsNothing() async throws {
        let store = try Store.open(path: self.folder + "/store.sqlite")
        let sinks = self.sinks([StartPlan.Account("a", sinks: [self.exec("cat > $1/heard")])], store)
        let end = await sinks.close()
        #expect(end.isComplete && !end.hasAllTold)
        try await store.close()
    }
}
