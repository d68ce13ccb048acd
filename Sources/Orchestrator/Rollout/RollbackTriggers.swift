package import HybridStream

/// What sends an account back to `rest` at once.
package struct RollbackTriggers: Sendable {
    package struct Trigger: Sendable, Equatable {
        package enum Name: String, Sendable, CaseIterable {
            case bothDown = "both_down"
            case noEvent = "no_event"
            case subscriptionFailures = "subscription_failures"
            case divergence
            case consumerFailed = "consumer_failed"
        }

        package var name: Name
        /// The reason, for people.
        package var text: String

        package init(name: Name, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Failed subscriptions count this long.
    static let failureWindow = Duration.seconds(3_600)
    /// A consumer that has not failed for this long has not failed on the same occasion.
    static let quietTime = Duration.seconds(60)

    /// Other limits may come at any time.
    package var conditions: RollbackConditions
    /// Those that fired and whose condition is not over yet.
    private var lasting: Set<Trigger.Name> = []
    private var consumerFailedAt = Uptime.distantPast

    package init(configuration: RolloutConfiguration) {
        self.conditions = configuration.rollbackWhen
    }

    /// Each trigger is returned once per occasion: not again before its condition was over. In `rest` nothing is.
    package mutating func check(_ evidence: RolloutEvidence, now: Uptime) -> [Trigger] {
        var fired: [Trigger] = []
        for name in Trigger.Name.allCases {
            guard let text = self.text(name, evidence, now: now) else {
                if self.isOver(name, evidence, now: now) { self.lasting.remove(name) }
                continue
            }
            guard evidence.stage.mode != .rest else { continue }
            if name == .consumerFailed { self.consumerFailedAt = now }
            if self.lasting.insert(name).inserted { fired.append(Trigger(name: name, text: text)) }
        }
        return fired
    }

    /// Whatever lasts fires again: until now nobody has done anything about it.
    package mutating func rearm() { self.lasting = [] }

    /// Nothing that fired lasts.
    package var isQuiet: Bool { self.lasting.isEmpty }

    /// Nil if the condition is not met.
    private func text(_ name: Trigger.Name, _ evidence: RolloutEvidence, now: Uptime) -> String? {
        switch name {
        case .bothDown: self.bothDown(evidence, now: now)
        case .noEvent: self.noEvent(evidence, now: now)
        case .subscriptionFailures: self.subscriptionFailures(evidence, now: now)
        case .divergence: self.divergence(evidence)
        case .consumerFailed: evidence.consumerFailures.first.map { "a consumer failed on an event: \($0)" }
        }
    }

    /// What is reported once, when it happens, is over only when it does not happen again.
    private func isOver(_ name: Trigger.Name, _ evidence: RolloutEvidence, now: Uptime) -> Bool {
        switch name {
        case .bothDown, .noEvent, .subscriptionFailures: true
        case .divergence: !evidence.hasDoubts
        case .consumerFailed: now - self.consumerFailedAt >= Self.quietTime
        }
    }

    private func bothDown(_ evidence: RolloutEvidence, now: Uptime) -> String? {
        guard case .down(let privateSince) = evidence.privateConnection,
            case .down(let tickersSince) = evidence.tickerFeed
        else { return nil }
        let elapsed = now - max(privateSince, tickersSince)
        guard elapsed >= self.conditions.bothDown else { return nil }
        return "the private connection and the tickers have both been down for \(RolloutText.elapsed(elapsed))"
    }

    private func noEvent(_ evidence: RolloutEvidence, now: Uptime) -> String? {
        guard let openSince = evidence.openSince else { return nil }
        let elapsed = now - max(openSince, evidence.lastEvent)
        guard elapsed >= self.conditions.noEvent else { return nil }
        return "no event for \(RolloutText.elapsed(elapsed)) with "
            + "\(RolloutText.count(evidence.openPositions, "position")) open"
    }

    private func subscriptionFailures(_ evidence: RolloutEvidence, now: Uptime) -> String? {
        let limit = self.conditions.subscriptionFailuresPerHour
        guard evidence.failedSubscriptions.count(within: Self.failureWindow, now: now) > limit else { return nil }
        return "more than \(RolloutText.count(limit, "failed subscription")) in an hour"
    }

    private func divergence(_ evidence: RolloutEvidence) -> String? {
        let limit = self.conditions.maxDivergencePercent
        let first = evidence.divergences.first { $0.kind == .position || $0.percent > limit }
        return first.map { "confirmed by another sweep: \($0.text)" }
    }
}
