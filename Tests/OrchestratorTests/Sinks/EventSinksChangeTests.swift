import Foundation
import Glibc
import HybridStream
import Testing

@testable import Orchestrator

/// Accounts come and go while the others run.
@Suite(.timeLimit(.minutes(2))) struct EventSinksChangeTests {
    @Test func sinksComeAndEndWithTheirAccount() async throws {
        try await SinkFleet.with { fleet in
            let configurations = [
                fleet.file("file"), fleet.exec("cat >> $1/heard; echo end >> $1/ends"), fleet.socket("s"),
            ]
            for round in 1...2 {
                let queues = try await fleet.add("a", configurations)
                #expect(queues.count == 3)
                try await fleet.until("the socket") { fleet.exists("s") }
                let source = SinkSource(queues: queues)
                let client = try SocketClient(fleet.path("s"))
                try await fleet.until("the reader") { fleet.readers.count == round }
                source.pipeline.attach(fleet.readers[round - 1])
                try source.send(300)
                source.pipeline.detachAll()
                let removal = await fleet.sinks.remove(account: "a")
                #expect(removal.isComplete)
                #expect(
                    removal.ended.count == 3 && removal.ended.allSatisfy { queue in queues.contains { $0 === queue } }
                )
                let all = (0..<round).flatMap { _ in Array(Int64(1)...300) }
                #expect(fleet.numbers("file") == all)
                #expect(fleet.numbers("heard") == all)
                #expect(fleet.text("ends") == String(repeating: "end\n", count: round), "the child has ended")
                #expect(client.numbers == Array(1...300))
                try await fleet.until("the end of the reader's stream") {
                    client.read()
                    return client.isAtEnd
                }
                #expect(!fleet.exists("s"))
                #expect(fleet.sinks.pending(account: "a") == [])
            }
            #expect(fleet.changes.isEmpty)
        }
    }

    @Test func sharedSinksGoOn() async throws {
        try await SinkFleet.with { fleet in
            let configurations = [fleet.file("file"), fleet.exec("exec cat >> $1/heard"), fleet.socket("s")]
            let queues = try await fleet.add("a", configurations)
            let first = SinkSource("a", queues: queues)
            try first.send(10)
            let others = try await fleet.add("b", configurations)
            #expect(zip(queues, others).allSatisfy { $0 === $1 })
            let second = SinkSource("b", queues: others)
            try second.send(10)
            first.pipeline.detachAll()
            let removal = await fleet.sinks.remove(account: "a")
            #expect(removal.isComplete && removal.ended.isEmpty)
            #expect(fleet.numbers("file") == Array(1...10))
            try await fleet.until("the child") { fleet.numbers("heard") == Array(1...10) }
            #expect(fleet.exists("s"))
            try second.send(10)
            second.pipeline.detachAll()
            #expect(await fleet.sinks.remove(account: "b").ended.count == 3)
            #expect(fleet.numbers("file", of: "b") == Array(1...20))
            #expect(fleet.numbers("heard", of: "b") == Array(1...20))
            #expect(!fleet.exists("s"))
        }
    }

    /// Its queue is never empty, and still the account's end in it is found.
    @Test func anotherAccountMayWriteToTheSameFileAllTheTime() async throws {
        try await SinkFleet.with { fleet in
            let busy = try await fleet.add("b", [fleet.file("file")])
            let writing = Task {
                let source = SinkSource("b", queues: busy)
                var count: Int64 = 0
                repeat {
                    try source.send(100)
                    count += 100
                    await Task.yield()
                } while !Task.isCancelled
                return count
            }
            for round in 1...5 {
                let source = SinkSource("a", queues: try await fleet.add("a", [fleet.file("file")]))
                try source.send(50)
                source.pipeline.detachAll()
                let removal = await fleet.sinks.remove(account: "a")
                #expect(removal.isComplete && removal.ended.isEmpty)
                #expect(fleet.numbers("file").count == 50 * round)
            }
            writing.cancel()
            let count = try await writing.value
            #expect(await fleet.sinks.remove(account: "b").ended.count == 1)
            #expect(fleet.numbers("file", of: "b") == Array(1...count))
        }
    }

    /// The child reads nothing before it may, and more waits than a pipe holds.
    private static let slow = "while [ ! -e $1/go ]; do sleep 0.02; done; exec cat >> $1/heard"

    @Test func nothingIsThrownAwayForAChildThatDoesNotRead() async throws {
        try await SinkFleet.with { fleet in
            let source = SinkSource(queues: try await fleet.add("a", [fleet.exec(Self.slow), fleet.file("file")]))
            try source.send(1_000)
            source.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the file") { fleet.numbers("file").count == 1_000 }
            try await fleet.until("the message") { fleet.sinks.pending(account: "a").count == 1 }
            let pending = try #require(fleet.sinks.pending(account: "a").first)
            #expect(pending.hasPrefix("exec /bin/sh for a: ") && pending.hasSuffix(" kB not read"), "\(pending)")
            // Another account is not held up.
            _ = try await fleet.add("b", [fleet.file("file")])
            #expect(await fleet.sinks.remove(account: "b").isComplete)
            try fleet.touch("go")
            #expect(await removal.value.isComplete)
            #expect(fleet.numbers("heard") == Array(1...1_000))
            #expect(fleet.sinks.pending(account: "a") == [])
        }
    }

    /// What another account puts into the same queue afterwards is not the account's business.
    @Test func whatIsQueuedLaterByOthersIsNotWaitedFor() async throws {
        try await SinkFleet.with { fleet in
            // It reads nothing, then a good deal, then nothing again.
            let script = """
                while [ ! -e $1/some ]; do sleep 0.02; done; head -c 700000 > $1/begin
                while [ ! -e $1/go ]; do sleep 0.02; done; exec cat >> $1/heard
                """
            let first = SinkSource("a", queues: try await fleet.add("a", [fleet.exec(script)]))
            let second = SinkSource("b", queues: try await fleet.add("b", [fleet.exec(script)]))
            try second.send(800)
            try first.send(10)
            first.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the removal") { fleet.isLeaving }
            try second.send(2_000)
            #expect(
                fleet.sinks.pending(account: "a").first?.hasPrefix("exec /bin/sh for a and 1 more account: ") == true
            )
            try fleet.touch("some")
            let outcome = await removal.value
            #expect(outcome.isComplete && outcome.ended.isEmpty)
            let pending = fleet.sinks.pending(account: "b")
            #expect(pending.count == 1 && pending[0].hasPrefix("exec /bin/sh for b: "), "\(pending)")
            try fleet.touch("go")
            second.pipeline.detachAll()
            #expect(await fleet.sinks.remove(account: "b").isComplete)
            let heard = Fixtures.split(Array((fleet.text("begin") + fleet.text("heard")).utf8))
            #expect(heard.count == 2_810)
        }
    }

    @Test func anAccountThatComesBackBeforeAllIsDeliveredKeepsItsSink() async throws {
        try await SinkFleet.with { fleet in
            let before = try await fleet.add("a", [fleet.exec(Self.slow)])
            var source = SinkSource(queues: before)
            try source.send(1_000)
            source.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the removal") { fleet.isLeaving }
            let after = try await fleet.add("a", [fleet.exec(Self.slow)])
            #expect(after.first === before.first)
            source = SinkSource("later", queues: after)
            try source.send(5)
            try fleet.touch("go")
            #expect(await removal.value.ended.isEmpty)
            source.pipeline.detachAll()
            #expect(await fleet.sinks.remove(account: "a").ended.count == 1)
            #expect(fleet.numbers("heard") == Array(1...1_000))
            #expect(fleet.numbers("heard", of: "later") == Array(1...5))
        }
    }

    /// Two processes of one command never run at the same time.
    @Test func whoWantsASinkThatIsEndingWaitsForTheNextOne() async throws {
        try await SinkFleet.with { fleet in
            let script = "echo begin >> $1/log; cat > /dev/null; touch $1/over; sleep 0.3; echo end >> $1/log"
            let first = try await fleet.add("a", [fleet.exec(script)])
            try await fleet.until("the child") { fleet.text("log") == "begin\n" }
            let removal = fleet.removal(of: "a")
            try await fleet.until("the end of its input") { fleet.exists("over") }
            #expect(fleet.sinks.pending(account: "a") == ["exec /bin/sh for a: has everything; its end is awaited"])
            let second = try await fleet.add("b", [fleet.exec(script)])
            #expect(second.first !== first.first)
            #expect(fleet.text("log").hasPrefix("begin\nend\n"))
            #expect(await removal.value.isComplete)
            try await fleet.until("the next child") { fleet.text("log") == "begin\nend\nbegin\n" }
        }
    }

    @Test func whatHangsAtTheEndOfAllIsGivenUpAndKeptInTheStore() async throws {
        try await SinkFleet.with { fleet in
            let queues = try await fleet.add("a", [fleet.exec(Self.slow)])
            let source = SinkSource(queues: queues)
            await fleet.sinks.filled()
            try source.send(1_000)
            source.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the removal") { fleet.isLeaving }
            let end = await fleet.sinks.close(timeout: .milliseconds(50))
            #expect(!end.isComplete && !end.hasAllTold)
            #expect(await removal.value.isComplete == false)
            #expect(try await fleet.add("b", [fleet.file("file")]).isEmpty, "nobody comes after the end")
        }
    }

    @Test func aFileThatCannotBeWrittenIsNamed() async throws {
        try await SinkFleet.with { fleet in
            let source = SinkSource(queues: try await fleet.add("a", [fleet.file("/dev/full")]))
            try source.send(10)
            source.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the reason") {
                fleet.sinks.pending(account: "a").first?.contains("kB not written (cannot write: ") ?? false
            }
            #expect(fleet.sinks.pending(account: "a").first?.hasPrefix("jsonl /dev/full: ") == true)
            _ = await fleet.sinks.close(timeout: .milliseconds(50))
            #expect(await removal.value.isComplete == false)
        }
    }

    @Test func readersOfASharedSocketFollowItsAccounts() async throws {
        try await SinkFleet.with { fleet in
            _ = try await fleet.add("a", [fleet.socket("s")])
            try await fleet.until("the socket") { fleet.exists("s") }
            let client = try SocketClient(fleet.path("s"))
            try await fleet.until("the reader") { fleet.readers.count == 1 }
            let reader = fleet.readers[0]
            #expect(reader.filter.accounts == ["a"])
            _ = try await fleet.add("b", [fleet.socket("s")])
            #expect(reader.filter.accounts == ["a", "b"])
            let source = SinkSource("b")
            source.pipeline.attach(reader)
            try source.send(3)
            try await fleet.until("the events") { client.numbers == [1, 2, 3] }
            #expect(await fleet.sinks.remove(account: "a").ended.isEmpty)
            #expect(reader.filter.accounts == ["b"])
            #expect(!client.isAtEnd)
        }
    }

    @Test func aReaderThatDoesNotReadIsNamed() async throws {
        try await SinkFleet.with { fleet in
            _ = try await fleet.add("a", [fleet.socket("s")])
            try await fleet.until("the socket") { fleet.exists("s") }
            let client = try SocketClient(fleet.path("s"))
            try await fleet.until("the reader") { fleet.readers.count == 1 }
            let source = SinkSource(queues: [fleet.readers[0]])
            try source.send(2_000)
            source.pipeline.detachAll()
            let removal = fleet.removal(of: "a")
            try await fleet.until("the message") { !fleet.sinks.pending(account: "a").isEmpty }
            let pending = fleet.sinks.pending(account: "a").first ?? ""
            #expect(pending.hasPrefix("socket \(fleet.path("s")): ") && pending.hasSuffix(" not read by 1 reader"))
            try await fleet.until("all events") { client.numbers.last == 2_000 }
            #expect(await removal.value.isComplete)
        }
    }

    /// Alerts of a trouble end by the name under which they began, whoever shares the sink by then.
    @Test func aTroubleKeepsItsName() async throws {
        try await SinkFleet.with { fleet in
            let script = "[ -e $1/calm ] && exec cat > $1/heard; exit 1"
            _ = try await fleet.add("a", [fleet.exec(script)])
            try await fleet.until("the trouble") { !fleet.changes.isEmpty }
            _ = try await fleet.add("b", [fleet.exec(script)])
            try fleet.touch("calm")
            try await fleet.until("its end") { fleet.changes.last?.isTrouble == false }
            #expect(Set(fleet.changes.map(\.name)) == ["/bin/sh for a"])
        }
    }

    /// What was brought back names another program than the file on the disk: the account gets its own, and the other
    /// one is never started.
    @Test func anAccountGetsWhatItComesWithAndNothingElseIsStarted() async throws {
        try await SinkFleet.with { fleet in
            let (file, restored) = ("touch $1/unused; exec cat", "touch $1/used; exec cat >> $1/heard")
            fleet.sinks.expect([
                ("a", [fleet.exec(file), fleet.socket("unused-socket")]),
                ("b", [fleet.exec("touch $1/absent; exec cat")]),
            ])
            let queues = try await fleet.add("a", [fleet.exec(restored)])
            await fleet.sinks.filled()
            #expect(queues.map(\.name) == ["exec:/bin/sh for a"])
            let source = SinkSource(queues: queues)
            try source.send(10)
            source.pipeline.detachAll()
            #expect(await fleet.sinks.remove(account: "a").ended.count == 1)
            #expect(fleet.numbers("heard") == Array(1...10))
            for name in ["unused", "unused-socket", "absent"] { #expect(!fleet.exists(name), "\(name)") }
        }
    }

    /// All of them come anew with the changed options before the last one has left.
    @Test func aSharedSinkTakesTheOptionsOfWhoComesLast() async throws {
        try await SinkFleet.with { fleet in
            func sinks(rotate: Int, stopTimeout: Duration) -> [SinkConfiguration] {
                var (file, exec) = (JSONLSinkConfiguration(), ExecSinkConfiguration())
                file.path = fleet.path("file")
                file.rotate = rotate
                exec.command = ["/bin/sh", "-c", "cat > /dev/null; sleep 60", "sh", fleet.folder]
                exec.stopTimeout = stopTimeout
                return [.jsonl(file), .exec(exec)]
            }
            let old = sinks(rotate: 100_000_000, stopTimeout: .seconds(30))
            let new = sinks(rotate: 2_000, stopTimeout: .milliseconds(100))
            let names = ["a", "b"]
            var queues: [EventQueue] = []
            for name in names { queues = try await fleet.add(name, old) }
            for name in names {
                #expect(await fleet.sinks.remove(account: name).ended.isEmpty)
                let again = try await fleet.add(name, new)
                #expect(zip(again, queues).allSatisfy { $0 === $1 }, "it is the same one")
            }
            let source = SinkSource(queues: queues)
            try source.send(100)
            source.pipeline.detachAll()
            let begin = ContinuousClock.now
            for name in names { #expect(await fleet.sinks.remove(account: name).isComplete) }
            #expect(begin.duration(to: .now) < .seconds(20), "it is asked to end after the new time")
            #expect(fleet.exists("file.1"), "it is rotated at the new size")
        }
    }
}
