import Testing

@testable import HybridStream

private func at(_ milliseconds: Int64) -> Uptime { Uptime(nanoseconds: milliseconds * 1_000_000) }

extension RateBudget {
    fileprivate mutating func add(
        _ tickets: ClosedRange<Ticket>,
        account: String? = nil,
        endpoint: String = "/a",
        priority: Priority = .normal
    ) {
        for ticket in tickets {
            let isTaken = self.enqueue(ticket, account: account, endpoint: endpoint, priority: priority)
            #expect(isTaken)
        }
    }

    /// Ends calls as if the exchange had answered without saying how many are left.
    fileprivate mutating func answer(_ tickets: [Ticket], now: Uptime) {
        for ticket in tickets { self.finish(ticket, outcome: .answered(remaining: nil, resetsAt: nil), now: now) }
    }
}

private func budget(
    requests: Int = 100,
    per: Duration = .seconds(1),
    underWay: Int = 1000,
    waiting: Int = 10_000
) -> RateBudget {
    RateBudget(
        requests: requests,
        per: per,
        banPause: .seconds(600),
        maxUnderWay: underWay,
        maxWaiting: waiting
    )
}

@Suite struct RateBudgetTests {
    @Test func grantsUpToTheBudgetAndSaysWhenToAskAgain() {
        var budget = budget(requests: 3)
        budget.add(1...5)
        #expect(budget.grant(now: at(100)) == .init(granted: [1, 2, 3], next: at(1100)))
        #expect(budget.used(now: at(100)) == 3)
        #expect(budget.grant(now: at(1099)) == .init(next: at(1100)))
        #expect(budget.grant(now: at(1100)) == .init(granted: [4, 5]))
    }

    /// Whatever the arrivals, no window of the given length ever holds more than the budget.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func neverExceedsTheBudgetInAnyWindow(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var budget = budget(requests: 10, per: .milliseconds(100))
        var sent: [Uptime] = []
        var ticket: RateBudget.Ticket = 0
        var now = at(0)
        for _ in 0..<5000 {
            now = now + .microseconds(Int64.random(in: 0...6000, using: &random))
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                ticket += 1
                budget.add(
                    ticket...ticket,
                    priority: RateBudget.Priority.allCases.randomElement(using: &random) ?? .low
                )
            }
            let granted = budget.grant(now: now).granted
            sent += granted.map { _ in now }
            budget.answer(granted, now: now)
        }
        #expect(sent.count > 1000)
        for index in sent.indices.dropFirst(10) {
            #expect(sent[index] - sent[index - 10] >= .milliseconds(100), "seed \(seed)")
        }
    }

    @Test func limitsWhatIsUnderWay() {
        var budget = budget(underWay: 2)
        budget.add(1...3)
        #expect(budget.grant(now: at(0)) == .init(granted: [1, 2]))
        #expect(budget.grant(now: at(500)) == .init())
        budget.answer([2], now: at(500))
        #expect(budget.grant(now: at(500)).granted == [3])
    }

    @Test func turnsAwayWhenTooManyWait() {
        var budget = budget(waiting: 2)
        budget.add(1...2)
        let third = budget.enqueue(3, account: nil, endpoint: "/a", priority: .high)
        #expect(!third)
    }

    @Test func cancelledCallersCostNothing() {
        var budget = budget(requests: 1)
        budget.add(1...2)
        budget.cancel(1)
        #expect(budget.grant(now: at(0)).granted == [2])
        #expect(budget.waitingCount == 0)
    }

    @Test func highBeforeNormalBeforeLowAndFirstComeFirstServedInside() {
        var budget = budget()
        budget.add(1...2, priority: .low)
        budget.add(3...4, priority: .normal)
        budget.add(5...6, priority: .high)
        #expect(budget.grant(now: at(0)).granted == [5, 6, 3, 4, 1, 2])
    }

    @Test func lowerPrioritiesAreNotStarved() {
        var budget = budget(requests: 1000)
        budget.add(1...200, priority: .high)
        budget.add(201...203, priority: .normal)
        budget.add(204...205, priority: .low)
        let order = budget.grant(now: at(0)).granted
        #expect(order.count == 205)
        let firstNormal = order.firstIndex(of: 201) ?? .max
        let firstLow = order.firstIndex(of: 204) ?? .max
        #expect(firstNormal == 8)
        #expect(firstLow <= 20)
        #expect(order.prefix(100).filter { $0 <= 200 }.count >= 80)
    }
}

@Suite struct EndpointLimitTests {
    @Test func noneLeftBlocksThisAccountAndEndpointOnly() {
        var budget = budget()
        budget.add(1...1, account: "a", endpoint: "/p")
        #expect(budget.grant(now: at(0)).granted == [1])
        budget.finish(1, outcome: .answered(remaining: 0, resetsAt: at(700)), now: at(10))
        budget.add(2...2, account: "a", endpoint: "/p", priority: .high)
        budget.add(3...3, account: "a", endpoint: "/q", priority: .low)
        budget.add(4...4, account: "b", endpoint: "/p", priority: .low)
        #expect(budget.grant(now: at(20)) == .init(granted: [3, 4], next: at(700)))
        #expect(budget.grant(now: at(700)).granted == [2])
    }

    @Test(
        arguments: [
            // Until the reset that the reply names.
            (at(900), at(900)),
            // Without one, or with one that has passed, two seconds.
            (nil, at(2100)),
            (at(50), at(2100)),
            // Nothing that a reply says blocks for longer than a minute.
            (at(86_400_000), at(60_100)),
        ] as [(Uptime?, Uptime)]
    )
    func tooManyVisits(resetsAt: Uptime?, freeAt: Uptime) {
        var budget = budget()
        budget.add(1...1, account: "a")
        _ = budget.grant(now: at(0))
        budget.finish(1, outcome: .limited(resetsAt: resetsAt), now: at(100))
        budget.add(2...3, account: "a")
        #expect(budget.grant(now: at(100)) == .init(next: freeAt))
        // Then one at a time, until a reply says that there is room.
        #expect(budget.grant(now: freeAt).granted == [2])
        #expect(budget.grant(now: freeAt).granted == [])
        budget.finish(2, outcome: .answered(remaining: 49, resetsAt: nil), now: freeAt)
        #expect(budget.grant(now: freeAt).granted == [3])
    }

    @Test func noMoreUnderWayThanAreLeft() {
        var budget = budget()
        budget.add(1...1, account: "a")
        _ = budget.grant(now: at(0))
        budget.finish(1, outcome: .answered(remaining: 2, resetsAt: at(5)), now: at(10))
        budget.add(2...5, account: "a")
        #expect(budget.grant(now: at(10)) == .init(granted: [2, 3]))
    }

    @Test func anOverloadedExchangeStopsEverybody() {
        var budget = budget()
        budget.add(1...1, account: "a")
        _ = budget.grant(now: at(0))
        budget.finish(1, outcome: .overloaded(.seconds(3)), now: at(0))
        budget.add(2...2, account: "b", endpoint: "/other", priority: .high)
        #expect(budget.grant(now: at(1)) == .init(next: at(3000)))
        #expect(budget.grant(now: at(3000)).granted == [2])
    }
}

@Suite struct BanTests {
    /// One call was answered with a 403 at 0 ms, others are waiting.
    private func banned() -> RateBudget {
        var budget = budget(requests: 1000, underWay: 1)
        budget.add(1...1)
        _ = budget.grant(now: at(0))
        budget.add(2...3)
        budget.finish(1, outcome: .banned, now: at(0))
        return budget
    }

    @Test func everybodyIsTurnedAwayDuringThePause() {
        var budget = banned()
        #expect(budget.ban == .paused(until: at(600_000)))
        #expect(budget.grant(now: at(0)) == .init(refused: [2, 3]))
        budget.add(4...4, priority: .high)
        #expect(budget.grant(now: at(599_999)) == .init(refused: [4]))
    }

    @Test func oneProbeThenEverybody() {
        var budget = banned()
        _ = budget.grant(now: at(0))
        budget.add(5...5, priority: .low)
        budget.add(6...8)
        #expect(budget.grant(now: at(600_000)) == .init(granted: [6]))
        #expect(budget.ban == .probing)
        #expect(budget.grant(now: at(600_500)) == .init())
        budget.answer([6], now: at(600_600))
        #expect(budget.ban == .none)
        #expect(budget.grant(now: at(600_600)).granted == [7])
    }

    @Test func aRefusedProbeBeginsAnotherPause() {
        var budget = banned()
        _ = budget.grant(now: at(0))
        budget.add(4...5)
        _ = budget.grant(now: at(600_000))
        budget.finish(4, outcome: .banned, now: at(600_100))
        #expect(budget.grant(now: at(600_100)) == .init(refused: [5]))
        #expect(budget.ban == .paused(until: at(1_200_100)))
    }

    @Test func aProbeWithoutAnswerIsRepeatedSoon() {
        var budget = banned()
        _ = budget.grant(now: at(0))
        budget.add(4...4)
        _ = budget.grant(now: at(600_000))
        budget.finish(4, outcome: .failed, now: at(610_000))
        #expect(budget.ban == .paused(until: at(615_000)))
    }

    /// Answers to calls that were under way when the ban came say nothing about it.
    @Test func onlyTheProbeEndsTheBan() {
        var budget = budget()
        budget.add(1...2)
        _ = budget.grant(now: at(0))
        budget.finish(1, outcome: .banned, now: at(10))
        budget.answer([2], now: at(20))
        #expect(budget.ban == .paused(until: at(600_010)))
    }
}
