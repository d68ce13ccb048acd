import Foundation
import Glibc
import HybridStream
import Testing

@testable import Orchestrator

/// How children end: with the sink, by themselves, or not.
@Suite(.timeLimit(.minutes(1))) struct ExecSinkEndTests {
    @Test(arguments: ["trap '' TERM; ", ""]) func aChildThatHangsIsEndedByForce(trap: String) async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("\(trap)touch $1/ready; while :; do sleep 60; done") {
                $0.stopTimeout = .milliseconds(300)
                $0.grace = .milliseconds(200)
            }
            let source = SinkSource(queues: [sink.queue])
            try source.send(3)
            try await bench.until("the child") { FileManager.default.fileExists(atPath: bench.path("ready")) }
            let clock = ContinuousClock()
            let start = clock.now
            #expect(try await bench.finish(sink), "it is in the pipe")
            let took = clock.now - start
            #expect(took >= .milliseconds(300) && took < .seconds(5), "\(took)")
            let forced = bench.entries.filter { $0.level == .warning && $0.text.hasPrefix("a consumer did not end") }
            #expect(forced.count == (trap.isEmpty ? 1 : 2))
            let pid = try #require(bench.pids.first)
            try await bench.until("the end of all that it had started") { kill(-pid, 0) == -1 && errno == ESRCH }
        }
    }

    @Test func whatCannotBeDeliveredInTimeIsNamed() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("exec sleep 60") {
                $0.stopTimeout = .milliseconds(100)
                $0.grace = .milliseconds(100)
            }
            let source = SinkSource(queues: [sink.queue])
            // More than a pipe holds.
            try source.send(1_000)
            try await bench.until("a full pipe") { sink.queue.statistics.waitingBytes < 450_000 }
            #expect(try await bench.finish(sink, timeout: .milliseconds(200)) == false)
            let entry = try #require(bench.entries.first { $0.text.contains("did not take all its events") })
            #expect(entry.level == .error && entry.metadata["bytes"].flatMap { Int($0) } ?? 0 > 100_000)
        }
    }

    @Test func aChildThatClosesItsInputIsReplaced() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("if [ -e $1/calm ]; then exec cat > $1/out; fi; touch $1/calm; exec 0<&-; sleep 60") {
                $0.stopTimeout = .seconds(2)
            }
            let source = SinkSource(queues: [sink.queue])
            try await bench.until("the first child") { FileManager.default.fileExists(atPath: bench.path("calm")) }
            repeat {
                try source.send(1)
                try await Task.sleep(for: .milliseconds(20))
            } while bench.pids.count < 2
            #expect(try await bench.finish(sink))
            let numbers = bench.numbers("out")
            #expect(numbers == Array((1..<Int64(max(2, numbers.count + 1)))))
        }
    }

    /// What a child has started does not live on beside the next child.
    @Test func whatADeadChildHasStartedIsEndedToo() async throws {
        try await SinkBench.with { bench in
            let sink = bench.exec("if [ -e $1/pid ]; then exec cat > $1/out; fi; sleep 60 & echo $! > $1/pid; exit 1")
            try await bench.until("the second child") { bench.pids.count == 2 }
            let left = try #require(Int32(bench.text("pid").trimmingCharacters(in: .newlines)))
            try await bench.until("its end") {
                // Somebody else has to collect it, which a container may not do.
                let state = try? String(contentsOfFile: "/proc/\(left)/stat", encoding: .utf8)
                return state.map { $0.contains(") Z ") } ?? true
            }
            #expect(try await bench.finish(sink))
        }
    }
}
