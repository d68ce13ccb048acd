import Foundation
import Glibc
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) final class JSONLinesSinkTests {
    private let folder: String
    private let troubles = Troubles()
    private let writer: JSONLinesWriter
    private let loop = Fixtures.loop()

    private final class Troubles: Sendable {
        private let list = Mutex<[SinkTrouble?]>([])
        var all: [SinkTrouble?] { self.list.withLock { $0 } }
        func add(_ trouble: SinkTrouble?) { self.list.withLock { $0.append(trouble) } }
    }

    init() {
        self.folder = FileManager.default.temporaryDirectory.path + "/sink-\(UUID().uuidString)"
        let troubles = self.troubles
        self.writer = JSONLinesWriter { _, trouble in troubles.add(trouble) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.folder)
        } catch {
            // Some tests make no folder.
        }
    }

    private func lines(_ path: String) throws -> [String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(data.isEmpty || data.last == UInt8(ascii: "\n"))
        return Fixtures.split([UInt8](data))
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }

    private func send(_ count: Int, to queue: EventQueue, account: String = "a", from: Int64 = 1) throws {
        let pipeline = Fixtures.pipeline(account, from: from, loop: self.loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position(), cause: .amended)
        for _ in 0..<count { pipeline.observe(update) }
        self.loop.batchEnded()
        pipeline.detachAll()
    }

    @Test func replacesTheAccountInPaths() {
        #expect(JSONLinesWriter.path("events/{account}.jsonl", account: "sub-1") == "events/sub-1.jsonl")
        #expect(JSONLinesWriter.path("{account}/{account}{x}{", account: "{account}") == "{account}/{account}{x}{")
        #expect(JSONLinesWriter.path("-", account: "a") == "-")
    }

    @Test func writesEverythingBeforeItCloses() async throws {
        let path = self.folder + "/deep/er/a.jsonl"
        let sink = self.writer.sink(path: path)
        try self.send(5_000, to: sink.queue)
        #expect(await self.writer.release(sink))
        #expect(try self.lines(path).map { Fixtures.number("n", $0) } == Array(1...5_000))
        #expect(self.mode(path) == 0o600)
        #expect(self.mode(self.folder + "/deep") == 0o700)
        #expect(self.troubles.all.isEmpty)
    }

    @Test func writesWithoutBeingClosed() async throws {
        let path = self.folder + "/a.jsonl"
        let sink = self.writer.sink(path: path, options: JSONLinesOptions(sync: .everyBatch))
        for round in 0..<3 {
            try self.send(2, to: sink.queue, from: Int64(round * 2 + 1))
            try await self.until {
                FileManager.default.contents(atPath: path).map { Fixtures.split([UInt8]($0)).count } == round * 2 + 2
            }
        }
        #expect(await self.writer.close())
    }

    @Test func accountsWithTheSamePathShareASink() async throws {
        let path = self.folder + "/all.jsonl"
        let first = self.writer.sink(path: path)
        let second = self.writer.sink(path: path)
        #expect(first === second)
        try self.send(10, to: first.queue, account: "a")
        await self.writer.release(first)
        try self.send(10, to: second.queue, account: "b")
        #expect(await self.writer.release(second))
        #expect(try self.lines(path).count == 20)
        #expect(self.writer.sink(path: path) !== first)
    }

    @Test(arguments: [1_000, 1_500, 4_096, 100]) func rotatesBetweenLines(limit: Int) async throws {
        let path = self.folder + "/a.jsonl"
        let options = JSONLinesOptions(rotateBytes: limit, keep: 200)
        let sink = self.writer.sink(path: path, options: options)
        try self.send(100, to: sink.queue)
        #expect(await self.writer.release(sink))
        var numbers: [Int64] = []
        for index in stride(from: 200, through: 0, by: -1) {
            let file = index == 0 ? path : "\(path).\(index)"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let lines = try self.lines(file)
            #expect(lines.count == 1 || lines.reduce(0) { $0 + $1.utf8.count + 1 } <= limit)
            numbers += lines.map { Fixtures.number("n", $0) }
        }
        #expect(numbers == Array(1...100))
    }

    @Test func keepsSoManyRotatedFiles() async throws {
        let path = self.folder + "/a.jsonl"
        let sink = self.writer.sink(path: path, options: JSONLinesOptions(rotateBytes: 1_500, keep: 2))
        try self.send(50, to: sink.queue)
        #expect(await self.writer.release(sink))
        let names = try FileManager.default.contentsOfDirectory(atPath: self.folder).sorted()
        #expect(names == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"])
        #expect(Fixtures.number("n", try #require(try self.lines(path).last)) == 50)
    }

    /// Whoever comes last says how a shared file is rotated.
    @Test func anOpenFileTakesOtherOptions() async throws {
        let path = self.folder + "/a.jsonl"
        let first = self.writer.sink(path: path, options: JSONLinesOptions(rotateBytes: nil))
        try self.send(50, to: first.queue)
        try await self.until { first.queue.statistics.waitingBytes == 0 && first.trouble == nil }
        let second = self.writer.sink(path: path, options: JSONLinesOptions(rotateBytes: 1_500, keep: 2))
        #expect(second === first)
        try self.send(50, to: second.queue, from: 51)
        await self.writer.release(first)
        #expect(await self.writer.release(second))
        let names = try FileManager.default.contentsOfDirectory(atPath: self.folder).sorted()
        #expect(names == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"])
        #expect(Fixtures.number("n", try #require(try self.lines(path).last)) == 100)
    }

    @Test func completesALineThatACrashLeftTorn() async throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let path = self.folder + "/a.jsonl"
        try Data("{\"whole\":1}\n{\"to".utf8).write(to: URL(fileURLWithPath: path))
        let sink = self.writer.sink(path: path)
        try self.send(1, to: sink.queue)
        #expect(await self.writer.release(sink))
        let lines = try self.lines(path)
        #expect(lines.count == 3)
        #expect(lines.prefix(2) == ["{\"whole\":1}", "{\"to"])
        #expect(Fixtures.number("n", lines[2]) == 1)
    }

    @Test func keepsLinesWhileTheDiskIsFull() async throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let path = self.folder + "/a.jsonl"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        let sink = self.writer.sink(path: path)
        try self.send(10, to: sink.queue)
        try await self.until { !self.troubles.all.isEmpty }
        let trouble = try #require(self.troubles.all.first ?? nil)
        #expect(trouble.errno == ENOSPC && trouble.step == "write" && trouble.path == path)
        #expect(sink.trouble == trouble)
        try self.send(10, to: sink.queue, from: 11)
        // There is room again.
        try FileManager.default.removeItem(atPath: path)
        try await self.until { self.troubles.all.count == 2 }
        #expect(self.troubles.all[1] == nil)
        #expect(await self.writer.release(sink))
        #expect(try self.lines(path).map { Fixtures.number("n", $0) } == Array(1...20))
    }

    @Test func saysWhenItHasToGiveUp() async throws {
        let sink = self.writer.sink(path: "/dev/full")
        try self.send(1, to: sink.queue)
        #expect(await self.writer.release(sink, timeout: .milliseconds(50)) == false)
    }

    @Test func reportsAPathThatCannotBeOpenedBeforeThereIsAnEvent() async throws {
        try FileManager.default.createDirectory(atPath: self.folder + "/a.jsonl", withIntermediateDirectories: true)
        let sink = self.writer.sink(path: self.folder + "/a.jsonl")
        try await self.until { !self.troubles.all.isEmpty }
        let trouble = try #require(self.troubles.all.first ?? nil)
        #expect(trouble.step == "open" && trouble.errno == EISDIR)
        #expect("\(trouble)".contains(sink.path))
    }

    /// A pipe whose reader stands still holds up neither the thread nor the other files.
    @Test func aStuckPipeDoesNotHoldUpOtherFiles() async throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let pipe = self.folder + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let stuck = self.writer.sink(path: pipe)
        try self.send(1_000, to: stuck.queue)
        let path = self.folder + "/a.jsonl"
        let other = self.writer.sink(path: path)
        try self.send(10, to: other.queue)
        #expect(await self.writer.release(other))
        #expect(try self.lines(path).count == 10)
        #expect(self.troubles.all.isEmpty)
        // The reader goes on and gets all.
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        try await self.until {
            let count = read(reader, &chunk, chunk.count)
            if count > 0 { bytes += chunk[..<count] }
            return Fixtures.split(bytes).count == 1_000
        }
        #expect(Fixtures.split(bytes).map { Fixtures.number("n", $0) } == Array(1...1_000))
        #expect(await self.writer.close())
    }

    /// A write that stops inside a line: the rest goes on in the same file, or the line is repeated in another.
    @Test(arguments: [false, true]) func aLineIsWholeAfterAPartialWrite(isReplaced: Bool) throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let path = self.folder + "/a.jsonl"
        var file = LineFile(path: path, rotation: .init(bytes: nil, keep: 0))
        let lines = Array("first\nsecond\nthird\n".utf8)
        var offset = 0
        // Only half a line is at hand, as after a short write of the system.
        #expect(try file.write(Array(lines[..<9]), from: &offset) == .all)
        #expect(offset == 9)
        file.close()
        if isReplaced {
            try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
            // The old file's number must not be used again for the new one.
        }
        #expect(try file.write(lines, from: &offset) == .all)
        file.close()
        #expect(try self.lines(path) == (isReplaced ? ["second", "third"] : ["first", "second", "third"]))
    }
}
