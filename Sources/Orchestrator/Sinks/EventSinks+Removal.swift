import Dispatch
import HybridStream

extension EventSinks {
    /// What has become of the sinks of an account that has gone.
    struct Removal: Sendable {
        /// All that the account had put into its sinks has arrived. False only if ``EventSinks/close(timeout:)`` came in
        /// between and gave something up.
        var isComplete = true
        /// Queues of sinks that have ended with it: nothing is known of these any more, also no trouble.
        var ended: [EventQueue] = []
    }

    /// Longer than any process runs: what is queued is given up only at the end of all.
    private static let forEver = Duration.seconds(1_000_000_000)
    private static let firstLook = 5
    private static let slowestLook = 100

    /// The account has been drained and detached from its pipeline, and the last batch of its loop handed over. Returns when
    /// everything that it has put into its sinks has been delivered, and those that no other account uses have ended;
    /// however long that takes, for nothing is thrown away. See ``pending(account:)``.
    func remove(account: String) async -> Removal {
        let (number, sinks) = self.leave(account)
        await self.share(sinks.map(\.identity))
        var pause = Self.firstLook
        while self.state.withLock({ $0.leavings[number].map { !$0.isDelivered } ?? false }) {
            await Self.pause(milliseconds: pause)
            pause = min(2 * pause, Self.slowestLook)
        }
        let ending = self.state.withLock { state -> [OpenSink] in
            let identities = Set(state.roster.delivered(sinks.map(\.identity)))
            state.leavings[number]?.ending = identities
            return sinks.filter { identities.contains($0.identity) }
        }
        await withTaskGroup(of: Void.self) { group in
            for sink in ending { group.addTask { await self.end(sink) } }
        }
        let leaving = self.state.withLock { $0.leavings.removeValue(forKey: number) }
        return Removal(isComplete: leaving?.isComplete ?? true, ended: ending.map(\.queue))
    }

    /// What an account has put into its sinks and has not arrived, for people; of one that is being removed, what that waits
    /// for.
    func pending(account: String) -> [String] {
        self.state.withLock { state in
            let leavings = state.leavings.sorted { $0.key < $1.key }.map(\.value).filter { $0.account == account }
            guard leavings.isEmpty else { return leavings.flatMap(\.pending) }
            let sinks = state.roster.sinks(of: account).compactMap { state.open[$0] }
            return SinkLeaving(account, sinks, state.roster.plan).pending
        }
    }

    private func leave(_ account: String) -> (number: Int, sinks: [OpenSink]) {
        self.state.withLock { state in
            // The labels are those from before: a sink that nobody has any more has none.
            let plan = state.roster.plan
            let sinks = state.roster.leave(account).compactMap { state.open[$0] }
            let number = state.nextLeaving
            state.nextLeaving += 1
            state.leavings[number] = SinkLeaving(account, sinks, plan)
            return (number, sinks)
        }
    }

    private func end(_ sink: OpenSink) async {
        // Nil at the end of all, where all that is open is ended.
        let hub = self.state.withLock { $0.hub }
        switch sink {
        case .file(let file): await self.files.release(file, timeout: Self.forEver)
        case .exec(let exec): await hub?.end(exec)
        case .socket(let socket): await hub?.end(socket)
        }
        let waiters = self.state.withLock { state in
            state.roster.ended(sink.identity)
            state.open[sink.identity] = nil
            return state.waiters.removeValue(forKey: sink.identity) ?? []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Also in a task that is cancelled: a removal that was begun is brought to its end.
    private static func pause(milliseconds: Int) async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { continuation.resume() }
        }
    }
}
