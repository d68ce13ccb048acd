import Foundation
import Glibc
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ExecSinkTests {
    @Test func everythingReachesTheChildInOrder() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("exec cat > $1/out")
            let source = SinkSource(queues: [sink.queue])
            for _ in 0..<10 {
                try source.send(20, .mark)
                try source.send(1, .amended)
            }
            #expect(try await bench.finish(sink))
            #expect(bench.numbers("out") == Array(1...210))
            #expect(bench.troubles.isEmpty)
            #expect(bench.pids.count == 1)
        }
    }

    /// What it had not read is lost to it, so the next one gets the lifecycle events again, and nothing else twice.
    @Test func aChildThatDiesIsReplacedAndNoLifecycleEventIsLost() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec(
                """
                echo "child $$" >> $1/out
                if [ -e $1/calm ]; then exec cat >> $1/out; fi
                for i in 1 2 3; do IFS= read -r line; echo "$line" >> $1/out; done
                touch $1/calm
                kill -9 $$
                """
            )
            let source = SinkSource(queues: [sink.queue])
            try source.send(10)
            try await bench.until("the second child") { bench.pids.count == 2 }
            try source.send(5, .mark)
            try source.send(5)
            #expect(try await bench.finish(sink))
            let children = bench.text("out").components(separatedBy: "child ").dropFirst()
                .map { $0.split(separator: "\n").dropFirst().map { Fixtures.number("n", String($0)) } }
            #expect(children.count == 2)
            #expect(children.first == [1, 2, 3])
            #expect(children.last == Array(1...20), "all, also those that died in the pipe")
            #expect(bench.troubles.first??.reason.contains("signal 9 (Killed)") == true)
        }
    }

    @Test func aChildThatEndsAtOnceIsATroubleUntilOneStays() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("test -e $1/calm || exit 3; exec cat > $1/out")
            let source = SinkSource(queues: [sink.queue])
            try source.send(3)
            try await bench.until("several attempts") { bench.pids.count >= 4 }
            let first = try #require(bench.troubles.first ?? nil)
            #expect("\(first)".contains("script for a") && "\(first)".contains("exit code 3"), "\(first)")
            #expect(!bench.troubles.contains(nil))
            try bench.touch("calm")
            try await bench.until("the end of the trouble") { bench.troubles.last == .some(nil) }
            try source.send(3)
            #expect(try await bench.finish(sink))
            #expect(Set(bench.numbers("out")) == Set(1...6))
            for pid in bench.pids { #expect(kill(pid, 0) == -1 && errno == ESRCH, "no zombie is left") }
        }
    }

    @Test func aProgramThatIsNotThereIsTriedAgain() async throws {
        try await SinkBench.with { bench in
            let program = bench.path("consumer")
            let sink = bench.exec(command: [program, bench.folder])
            let source = SinkSource(queues: [sink.queue])
            try source.send(2)
            try await bench.until("a trouble") { !bench.troubles.isEmpty }
            let trouble = try #require(bench.troubles.first ?? nil)
            #expect(trouble.errno == ENOENT && trouble.step == "start", "\(trouble)")
            try "no program\n".write(toFile: program, atomically: true, encoding: .utf8)
            try await bench.until("another trouble") { bench.troubles.contains { $0?.errno == EACCES } }
            try "#!/bin/sh\ncat > $1/out\n".write(toFile: program, atomically: true, encoding: .utf8)
            #expect(chmod(program, 0o700) == 0)
            try await bench.until("the end of the trouble") { bench.troubles.last == .some(nil) }
            #expect(try await bench.finish(sink))
            #expect(bench.numbers("out") == [1, 2])
        }
    }

    /// It costs the queue's bound and no more, and is told about; when it reads on it gets every lifecycle event.
    @Test func aChildThatDoesNotReadCostsBoundedMemory() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("until [ -e $1/go ]; do sleep 0.02; done; exec cat > $1/out") {
                $0.stallAfter = .milliseconds(300)
            }
            let source = SinkSource(queues: [sink.queue])
            try source.send(1, .opened)
            for round in 0..<200 {
                try source.send(500, .mark)
                if round.isMultiple(of: 20) { try source.send(1) }
            }
            try source.send(1, .closed)
            // 45 MB of events.
            let statistics = sink.queue.statistics
            #expect(statistics.waitingBytes < 600_000 && statistics.conflated > 50_000, "\(statistics)")
            try await bench.until("a trouble") { !bench.troubles.isEmpty }
            #expect((bench.troubles.first ?? nil).map { "\($0)" }?.contains("has read nothing for 300 ms") == true)
            try bench.touch("go")
            try await bench.until("the end of the trouble") { bench.troubles.last == .some(nil) }
            #expect(try await bench.finish(sink))
            let lines = bench.lines("out")
            let numbers = lines.map { Fixtures.number("n", $0) }
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            let causes = lines.compactMap { Fixtures.value("cause", $0) }.filter { $0 != "mark" }
            #expect(causes == ["opened"] + Array(repeating: "amended", count: 10) + ["closed"])
            let merged = lines.reduce(0) { $0 + Int(max(0, Fixtures.number("conflated", $1))) }
            #expect(merged + lines.count == 100_012, "every mark is counted")
        }
    }

    @Test func whatIsMoreThanMayBeKeptIsCountedAndReported() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("until [ -e $1/go ]; do sleep 0.02; done; exec cat > $1/out")
            let source = SinkSource(queues: [sink.queue])
            for _ in 0..<60 { try source.send(500) }
            let statistics = sink.queue.statistics
            #expect(
                statistics.discarded > 5_000 && statistics.waitingBytes < 8_700_000,
                "\(statistics)"
            )
            try await bench.run { sink.tick() }
            let trouble = try #require(bench.troubles.first ?? nil)
            #expect("\(trouble)".contains("events are lost to it"), "\(trouble)")
            #expect(bench.entries.contains { $0.level == .error && $0.metadata["lost"] == "\(statistics.discarded)" })
            try bench.touch("go")
            try await bench.until("the end of the trouble") { bench.troubles.last == .some(nil) }
            #expect(try await bench.finish(sink))
            let numbers = bench.numbers("out")
            #expect(numbers == Array(1..<(30_001 - statistics.discarded)), "the oldest, without a hole")
        }
    }

    // MARK: What a child inherits

    @Test func aChildHasASessionOfItsOwnAndNothingOfTheDaemons() async throws {
        try await SinkBench.with { bench in
            // As a library would that does not think of children.
            let leaking = fcntl(STDERR_FILENO, F_DUPFD, 200)
            defer { close(leaking) }
            try #require(leaking >= 200 && fcntl(leaking, F_GETFD) == 0)
            let sink = bench.exec(
                """
                ls /proc/$$/fd > $1/descriptors; grep Sig /proc/self/status > $1/signals
                cat /proc/$$/stat > $1/stat; env > $1/environment; cat > $1/out
                """
            )
            #expect(try await bench.finish(sink))
            let pid = try #require(bench.pids.first)
            // Above nine are the shell's own.
            #expect(bench.lines("descriptors").compactMap { Int32($0) }.filter { $0 < 10 || $0 >= 200 } == [0, 1, 2])
            for line in bench.lines("signals") where line.hasPrefix("SigBlk") || line.hasPrefix("SigIgn") {
                let mask = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
                // 32 and 33 are the C library's own, which it ignores on the way to the program.
                #expect(mask & ~0x1_8000_0000 == 0, "\(line)")
            }
            // pid, name, state, parent, group, session.
            let stat = bench.text("stat").split(separator: " ").map(String.init)
            #expect(stat[4] == "\(pid)" && stat[5] == "\(pid)")
            #expect(bench.lines("environment").contains("GREETING=hello"))
            #expect(!bench.lines("environment").contains { $0.hasPrefix("HOME=") })
        }
    }

    /// Otherwise a child would not see the end of its input as long as another one lives.
    @Test func noChildHoldsTheInputOfAnother() async throws {
        try await SinkBench.with { bench in
            let first = bench.exec("cat > $1/first; touch $1/over")
            try await bench.until("the first child") { bench.pids.count == 1 }
            let second = bench.exec("exec cat > $1/second")
            try await bench.until("the second child") { bench.pids.count == 2 }
            #expect(try await bench.finish(first, timeout: .seconds(5)))
            #expect(FileManager.default.fileExists(atPath: bench.path("over")))
            #expect(!bench.entries.contains { $0.text.contains("asked to") })
            #expect(try await bench.finish(second))
        }
    }

    @Test func whatAChildSaysIsLogged() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("echo out; echo err >&2; cat > /dev/null; printf last")
            #expect(try await bench.finish(sink))
            let said = bench.entries.filter { $0.metadata["stream"] != nil }
            #expect(Set(said.map(\.text)) == ["out", "err", "last"])
            let error = try #require(said.first { $0.text == "err" })
            #expect(error.level == .notice && error.metadata["stream"] == "stderr")
            #expect(error.metadata["consumer"] == "script for a" && error.metadata["pid"] == "\(bench.pids[0])")
        }
    }

    /// A child that talks without end is read slowly; it still gets its events.
    @Test func aChildThatTalksWithoutEndFloodsNoLog() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("exec 3<&0; cat <&3 > $1/out & exec yes")
            let source = SinkSource(queues: [sink.queue])
            try source.send(100)
            let start = ContinuousClock.now
            try await bench.until("the events") { bench.lines("out").count == 100 }
            try await bench.until("the note about it") { bench.entries.contains { $0.text.contains("were left out") } }
            let logged = bench.entries.filter { $0.text == "y" }.count
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            #expect(logged <= (seconds + 2) * ChildOutputLines.linesPerSecond)
            #expect(try await bench.finish(sink, timeout: .milliseconds(100)))
        }
    }

    // MARK: The store

    /// A reader must not know of what the store does not know.
    @Test func whatHasToBeDeliveredIsInTheStoreBefore() async throws {
        let secured = Mutex(0)
        try await SinkBench.with(secure: { secured.withLock { $0 += 1 } }) { bench in
            let sink = bench.exec("exec cat > $1/out")
            let source = SinkSource(queues: [sink.queue])
            try source.send(10, .mark)
            try await bench.until("the marks") { bench.lines("out").count == 10 }
            #expect(secured.withLock { $0 } == 0, "marks need not be")
            try source.send(1)
            try await bench.until("the event") { bench.lines("out").count == 11 }
            #expect(secured.withLock { $0 } == 1)
            #expect(try await bench.finish(sink))
        }
    }

    @Test func knowsWhatIsInThePipe() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("exec sleep 60") {
                $0.stopTimeout = .milliseconds(100)
                $0.grace = .milliseconds(100)
            }
            let source = SinkSource(queues: [sink.queue])
            try source.send(2)
            try await bench.until("the pipe") { sink.queue.statistics.waitingBytes == 0 }
            let idle = ContinuousClock.now
            // All of it is in the pipe, so that is true of everything until now.
            while try await bench.run({ sink.deliveredBefore }) < idle { await Task.yield() }
            try source.send(1_000)
            let sent = ContinuousClock.now
            #expect(try await bench.run { sink.deliveredBefore } < sent, "the pipe does not hold it all")
            #expect(try await bench.finish(sink, timeout: .milliseconds(10)) == false)
        }
    }
}
