import Foundation
import Glibc
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct SocketSinkTests {
    /// Readers that a sink has announced.
    private final class Readers: Sendable {
        private let state = Mutex<(all: [EventQueue], left: Int)>(([], 0))

        func changed(_ queue: EventQueue, isThere: Bool) {
            self.state.withLock { state in
                if isThere { state.all.append(queue) } else { state.left += 1 }
            }
        }

        var all: [EventQueue] { self.state.withLock { $0.all } }
        var left: Int { self.state.withLock { $0.left } }
    }

    private static func sink(
        _ bench: SinkBench,
        _ readers: Readers,
        at name: String = "events.sock",
        limits: SinkLimits? = nil
    ) async throws -> SocketSink {
        let sink = SocketSink(
            SinkPlan.Socket(path: bench.path(name), accounts: ["a"]),
            tools: bench.tools,
            limits: limits
        ) { readers.changed($0, isThere: $1) }
        bench.tools.loop.execute { sink.start() }
        return sink
    }

    private static func listening(_ bench: SinkBench, _ count: Int = 1) async throws {
        try await bench.until("the socket") { bench.entries.filter { $0.text == "readers can connect" }.count == count }
    }

    private static func finish(
        _ bench: SinkBench,
        _ sink: SocketSink,
        timeout: Duration = .seconds(10)
    ) async throws -> Bool {
        let tools = bench.tools
        return try await tools.loop.flatSubmit {
            let deadline = tools.schedule(at: tools.now + timeout) { sink.abandon() }
            return sink.finish().always { _ in deadline.cancel() }
        }.get()
    }

    private static func mode(_ path: String) -> UInt32 {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// Connects, and has the account's events delivered.
    private static func connect(
        _ bench: SinkBench,
        _ sink: SocketSink,
        _ readers: Readers,
        _ source: SinkSource
    ) async throws -> SocketClient {
        let count = readers.all.count
        let client = try SocketClient(sink.path)
        try await bench.until("the reader") { readers.all.count == count + 1 }
        source.pipeline.attach(readers.all[count])
        return client
    }

    @Test func everyReaderGetsTheEventsFromItsConnectionOn() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            let sink = try await Self.sink(bench, readers, at: "new/folder/events.sock")
            try await Self.listening(bench)
            #expect(Self.mode(sink.path) == 0o600)
            #expect(Self.mode(bench.path("new/folder")) == 0o700)
            let source = SinkSource()
            try source.send(5)
            let first = try await Self.connect(bench, sink, readers, source)
            try source.send(10, .mark)
            let second = try await Self.connect(bench, sink, readers, source)
            try source.send(200)
            try await bench.until("all events") { first.numbers.count == 210 && second.numbers.count == 200 }
            #expect(first.numbers == Array(6...215))
            #expect(second.numbers == Array(16...215))
            #expect(!readers.all[0].filter.accepts(account: "b"))
            try source.send(1)
            #expect(try await Self.finish(bench, sink))
            try await bench.until("the end of its stream") { first.numbers.last == 216 && first.isAtEnd }
            #expect(!FileManager.default.fileExists(atPath: sink.path))
            #expect(bench.troubles.isEmpty)
        }
    }

    @Test func aReaderThatLeavesIsForgotten() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await Self.listening(bench)
            let source = SinkSource()
            do {
                let client = try await Self.connect(bench, sink, readers, source)
                // What it sends is nobody's business.
                client.send(String(repeating: "hello\n", count: 1_000))
                try source.send(3)
            }
            try await bench.until("the end of the reader") { readers.left == 1 }
            #expect(readers.all[0].isClosed)
            #expect(try await Self.finish(bench, sink))
        }
    }

    /// As `nc` and `socat` do when their own input is at its end.
    @Test func aReaderMayCloseItsOwnDirection() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await Self.listening(bench)
            let source = SinkSource()
            let client = try await Self.connect(bench, sink, readers, source)
            client.shutDownWriting()
            for round in 1...20 {
                try source.send(1)
                try await bench.until("an event") { client.numbers.count == round }
            }
            #expect(!client.isAtEnd && readers.left == 0)
            #expect(try await Self.finish(bench, sink))
        }
    }

    /// It is disconnected at the bound, its memory is free then, and the others have noticed nothing.
    @Test func aReaderThatStandsStillIsDisconnected() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            var limits = SinkLimits(accounts: 1)
            limits.hard = 600_000
            let sink = try await Self.sink(bench, readers, limits: limits)
            try await Self.listening(bench)
            let source = SinkSource()
            let stuck = try await Self.connect(bench, sink, readers, source)
            let fast = try await Self.connect(bench, sink, readers, source)
            // Marks alone do not do it.
            for _ in 0..<100 {
                try source.send(100, .mark)
                fast.read()
            }
            try await bench.until("the marks") { fast.numbers.last == 10_000 }
            #expect(!readers.all[0].isClosed && readers.all[0].statistics.conflated > 5_000)
            for round in 1...30 {
                try source.send(100)
                try await bench.until("the events") { fast.numbers.last == Int64(10_000 + 100 * round) }
            }
            #expect(readers.all[0].isClosed && readers.all[0].statistics.waitingBytes == 0)
            try await bench.run { sink.tick() }
            try await bench.until("the end of the reader") { readers.left == 1 }
            #expect(try await bench.run { sink.disconnectedCount } == 1)
            let note = try #require(bench.entries.first { $0.text == "a reader is disconnected" })
            #expect(note.metadata["reason"]?.contains("more than 600000 bytes") == true)
            #expect(bench.troubles.isEmpty, "it is the reader's fault, not the sink's")
            try await bench.until("the end of its stream") {
                stuck.read()
                return stuck.isAtEnd
            }
            #expect(try await Self.finish(bench, sink))
        }
    }

    @Test func aReaderThatStandsStillAtTheEndIsNamed() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await Self.listening(bench)
            let source = SinkSource()
            let client = try await Self.connect(bench, sink, readers, source)
            try source.send(2_000)
            #expect(try await Self.finish(bench, sink, timeout: .milliseconds(100)) == false)
            let note = try #require(bench.entries.first { $0.text.contains("did not take all its events") })
            #expect(note.metadata["bytes"].flatMap { Int($0) } ?? 0 > 100_000)
            try await bench.until("the end of its stream") {
                client.read()
                return client.isAtEnd
            }
        }
    }

    // MARK: The file

    @Test func aSocketThatADeadProcessHasLeftIsReplaced() async throws {
        try await SinkBench.with { bench in
            let left = try SocketFile.listen(bench.path("events.sock"))
            close(left.descriptor)
            #expect(left.file.isInPlace)
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await Self.listening(bench)
            _ = try SocketClient(sink.path)
            #expect(try await Self.finish(bench, sink))
        }
    }

    @Test func aSocketThatSomebodyListensAtIsLeftAlone() async throws {
        try await SinkBench.with { bench in
            let other = try SocketFile.listen(bench.path("events.sock"))
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await bench.until("a trouble") { !bench.troubles.isEmpty }
            let trouble = try #require(bench.troubles.first ?? nil)
            #expect(
                "\(trouble)"
                    == "cannot listen on \(sink.path): process \(getpid()) listens there already; "
                    + "nobody can read there; it is tried again"
            )
            #expect(other.file.isInPlace)
            // It works as soon as the other one has gone.
            close(other.descriptor)
            try await bench.until("the end of the trouble") { bench.troubles.last == .some(nil) }
            #expect(bench.troubles.count == 2)
            #expect(try await Self.finish(bench, sink))
        }
    }

    @Test func whatIsNoSocketIsLeftAlone() throws {
        let folder = "/tmp/bybitctl-sinks-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/precious"
        try "keep me".write(toFile: path, atomically: true, encoding: .utf8)
        #expect { try SocketFile.listen(path) } throws: { "\($0)".contains("something that is no socket is there") }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "keep me")
        #expect { try SocketFile.listen(path + "/below") } throws: { "\($0)".contains("its folder cannot be opened") }
        let long = folder + "/" + String(repeating: "x", count: 100)
        #expect { try SocketFile.listen(long) } throws: { ($0 as? SinkTrouble)?.errno == ENAMETOOLONG }
    }

    @Test func aSocketThatWasRemovedIsCreatedAgain() async throws {
        try await SinkBench.with { bench in
            let readers = Readers()
            let sink = try await Self.sink(bench, readers)
            try await Self.listening(bench)
            let source = SinkSource()
            let client = try await Self.connect(bench, sink, readers, source)
            #expect(unlink(sink.path) == 0)
            for _ in 0..<5 { try await bench.run { sink.tick() } }
            try await Self.listening(bench, 2)
            let second = try await Self.connect(bench, sink, readers, source)
            try source.send(1)
            try await bench.until("the event") { client.numbers == [1] && second.numbers == [1] }
            #expect(try await Self.finish(bench, sink))
        }
    }

    /// Of many who want it at once, one gets it.
    @Test func twoDoNotGetTheSamePath() async throws {
        try await SinkBench.with { bench in
            let path = bench.path("events.sock")
            var winners = 0
            for _ in 0..<200 {
                // A process that another test starts holds a copy for an instant.
                var left: SocketFile.Listening?
                try await bench.until("a free path") {
                    left = try? SocketFile.listen(path)
                    return left != nil
                }
                close(try #require(left).descriptor)
                let found = Mutex<[SocketFile.Listening]>([])
                DispatchQueue.concurrentPerform(iterations: 4) { _ in
                    if let one = try? SocketFile.listen(path) { found.withLock { $0.append(one) } }
                }
                let listening = found.withLock { $0 }
                #expect(listening.count <= 1)
                winners += listening.count
                for one in listening {
                    #expect(one.file.isInPlace)
                    close(one.descriptor)
                }
            }
            #expect(winners > 60)
        }
    }
}
