import HybridStream
import Orchestrator

extension ChaosRun {
    /// What an account's readers were told that is not about a position.
    public struct Told: Sendable, Equatable {
        /// Since the start.
        public var time: Duration
        public var account: String
        /// `alert`, `rollout`, `account.state`, `recovery`.
        public var event: String
        /// Of an alert.
        public var code: String
        /// `opened` or `resolved`; of an account, the new one.
        public var state: String
        /// Of a rollout: the command, `auto-rollback`, or `gate`.
        public var cause: String
        public var mode: String
        public var text: String
    }

    /// What happened until the quiet began, for whoever wrote the script.
    public struct Story: Sendable {
        public var told: [Told] = []
        /// What the accounts have found to be a reason to go back.
        public var triggers: [(time: Duration, account: String, name: String, text: String)] = []
        /// When subscriptions were refused.
        public var refusals: [Duration] = []
        public var stages: [String: String] = [:]
        /// Private connections of each account so far.
        public var connects: [String: Int] = [:]
        /// Listings of positions: when the request left, and when its reply came; in the order of the replies.
        public var listings: [(account: String, departure: Duration, arrival: Duration)] = []
        /// The longest time between two events of an account that a consumer got, the start left out.
        public var longestSilence: [String: Duration] = [:]
    }

    func listen() {
        for reader in self.client?.readers ?? [] {
            reader.onStory = { [unowned self, account = reader.account] in self.hear($0, of: account) }
        }
    }

    var elapsed: Duration { self.elapsed(at: self.time.nanoseconds) }

    private func elapsed(at nanoseconds: Int64) -> Duration { .nanoseconds(nanoseconds - VirtualTime.start) }

    private func hear(_ line: EventLine, of account: String) {
        self.story.told.append(
            Told(
                time: self.elapsed,
                account: account,
                event: line.event,
                code: line.text("code"),
                state: line.text("state"),
                cause: line.text("cause"),
                mode: line.text("mode"),
                text: line.text("text")
            )
        )
    }

    /// A stream that tells everything gives no reason to go back, whatever else breaks.
    func triggered(_ account: String, _ trigger: RollbackTriggers.Trigger) {
        self.note("\(account) triggers \(trigger.name.rawValue): \(trigger.text)")
        self.story.triggers.append((self.elapsed, account, trigger.name.rawValue, trigger.text))
        if self.plan.expectsTriggers { return }
        if trigger.name == .divergence, !self.isTrue(trigger) { self.oracle.complain("\(account): \(trigger.text)") }
        if trigger.name == .consumerFailed { self.oracle.complain("\(account): \(trigger.text)") }
    }

    /// A position differs only if a connection that seems to be well keeps rows to itself. A mark differs only if the
    /// ticker has fallen silent and is not called stale yet: then consumers have a price that is wrong, and nothing else
    /// says so.
    private func isTrue(_ trigger: RollbackTriggers.Trigger) -> Bool {
        let symbol = self.exchange.symbols.first { trigger.text.contains(" \($0): REST has a mark of ") }
        return symbol.map { self.oracle.wasSilent($0) } ?? (self.plan.losesRows || self.plan.losesSingleRows)
    }

    /// What comes later is the end of the faults.
    func endStory() {
        for reader in self.client?.readers ?? [] { reader.onStory = nil }
        self.story.refusals = self.exchange.refusedSubscriptions().map {
            .milliseconds($0 - VirtualTime.wallStart)
        }
        for account in self.client?.accounts ?? [] {
            self.story.stages[account.name] = "\(account.stage)"
            self.story.connects[account.name] = account.stream?.machineConnects ?? 0
        }
        self.story.longestSilence = self.oracle.longestSilence
        let names = Dictionary(
            uniqueKeysWithValues: self.plan.accounts.compactMap { name in
                self.exchange.keys(name).map { ($0.key, name) }
            }
        )
        self.story.listings = (self.client?.transport.listings ?? []).compactMap { listing in
            names[listing.key].map { ($0, self.elapsed(at: listing.departure), self.elapsed(at: listing.arrival)) }
        }
    }
}
