import Chaos
import Foundation
import Synchronization

/// `chaos [--seeds N] [--from SEED] [--until-failure] [--actions] [--rollout]`, or one in detail: `chaos --seed SEED [--trace]`.
@main
struct ChaosRunner {
    private struct Total {
        var seeds = 0
        var events = 0
        var lifecycleEvents = 0
        var faults = 0
        var seconds = 0.0
        var actions = 0
        var failures: [(seed: UInt64, violation: String)] = []
    }

    static func main() {
        var options: [String: UInt64] = ["--seeds": 1_000, "--from": 1]
        var flags: Set<String> = []
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            if ["--trace", "--until-failure", "--actions", "--rollout"].contains(argument) {
                flags.insert(argument)
            } else if ["--seeds", "--from", "--seed"].contains(argument),
                let value = arguments.popFirst().flatMap({ UInt64($0) })
            {
                options[argument] = value
            } else {
                print(
                    "usage: chaos [--actions] [--rollout] [--seeds N] [--from SEED] [--until-failure] | --seed SEED [--trace]"
                )
                exit(64)
            }
        }
        let acts = flags.contains("--actions")
        let rolls = flags.contains("--rollout")
        @Sendable func plan(_ seed: UInt64) -> ChaosPlan { ChaosPlan(seed: seed, acts: acts, rolls: rolls) }
        if let seed = options["--seed"] {
            exit(self.replay(plan(seed), isTraced: flags.contains("--trace")) ? 0 : 1)
        }
        let first = options["--from"] ?? 1
        let limit = flags.contains("--until-failure") ? 1 : 10
        exit(self.runMany(first..<first + (options["--seeds"] ?? 1_000), plan, acts: acts, failureLimit: limit) ? 0 : 1)
    }

    private static func runMany(
        _ seeds: Range<UInt64>,
        _ plan: @escaping @Sendable (UInt64) -> ChaosPlan,
        acts: Bool,
        failureLimit: Int
    ) -> Bool {
        let next = Mutex(seeds.lowerBound)
        let total = Mutex(Total())
        let started = Date()
        let done = DispatchSemaphore(value: 0)
        let workers = ProcessInfo.processInfo.activeProcessorCount
        for _ in 0..<workers {
            let thread = Thread {
                while let seed = Self.take(next, below: seeds.upperBound, total, failureLimit) {
                    Self.count(ChaosRun(plan(seed)).run(), seed, total)
                }
                done.signal()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        for _ in 0..<workers { done.wait() }
        let result = total.withLock { $0 }
        if let first = result.failures.min(by: { $0.seed < $1.seed }) {
            self.explain(plan(first.seed))
        }
        print(
            "\(result.seeds) seeds, \(self.rounded(result.seconds / 3_600)) virtual hours, \(result.faults) faults "
                + "injected, \(result.events) events checked (\(result.lifecycleEvents) of them lifecycle), "
                + (acts ? "\(result.actions) orders and stops of consumers, " : "")
                + "\(result.failures.count) failures, \(self.rounded(Date().timeIntervalSince(started))) s"
        )
        return result.failures.isEmpty
    }

    private static func take(
        _ next: borrowing Mutex<UInt64>,
        below end: UInt64,
        _ total: borrowing Mutex<Total>,
        _ failureLimit: Int
    ) -> UInt64? {
        next.withLock { value in
            guard value < end, total.withLock({ $0.failures.count < failureLimit }) else { return nil }
            defer { value += 1 }
            return value
        }
    }

    private static func count(_ outcome: ChaosRun.Outcome, _ seed: UInt64, _ total: borrowing Mutex<Total>) {
        total.withLock { total in
            total.seeds += 1
            total.events += outcome.events
            total.lifecycleEvents += outcome.lifecycleEvents
            total.faults += outcome.faults
            total.seconds += outcome.seconds
            total.actions += outcome.actions
            if let violation = outcome.violation {
                total.failures.append((seed, violation))
                print("seed \(seed) fails at \(violation)")
            }
        }
    }

    private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    /// The shortest schedule that still fails.
    private static func explain(_ failing: ChaosPlan) {
        let seed = failing.seed
        let (plan, violation) = ChaosShrinker.shrink(failing)
        print("seed \(seed), shrunk to \(plan.entries.count) steps:")
        for entry in plan.entries { print("  \(entry.time)  \(entry.step)") }
        print("  → \(violation)")
        print(
            "again, with everything that happens: make chaos ARGS=\"--seed \(seed)\(failing.acts ? " --actions" : "")\(failing.rolls ? " --rollout" : "") --trace\""
        )
    }

    private static func replay(_ plan: ChaosPlan, isTraced: Bool) -> Bool {
        let seed = plan.seed
        let outcome = ChaosRun(plan, trace: isTraced ? { print($0) } : nil).run()
        guard let violation = outcome.violation else {
            print("seed \(seed) passes: \(outcome.events) events, \(outcome.faults) faults")
            return true
        }
        print("seed \(seed) fails at \(violation)")
        self.explain(plan)
        return false
    }
}
