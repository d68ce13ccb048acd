import Testing

@testable import HybridStream

@Suite("Backoff, connection budget, heartbeat, sweep schedule")
struct PacingTests {
    @Test("some attempts are kept for the tickers, which all accounts need")
    func reserve() {
        var budget = ConnectionBudget(connections: 40, per: .seconds(60))
        for ticket in 1...50 { budget.enqueue(UInt64(ticket), urgency: ticket % 2 == 0 ? .holding : .flat) }
        #expect(budget.grantAll(now: .seconds(100)) == 38)
        budget.enqueue(99, urgency: .tickers)
        #expect(budget.grant(now: .seconds(101)).granted == [99])
        budget.enqueue(100, urgency: .tickers)
        budget.enqueue(101, urgency: .tickers)
        let last = budget.grant(now: .seconds(102))
        #expect(last.granted == [100] && last.next == .seconds(160))
        #expect(budget.used(now: .seconds(102)) == 40)
    }

    @Test("in an outage few attempts are spent, and who is urgent goes first when it is over")
    func outage() {
        var budget = ConnectionBudget(connections: 400, per: .seconds(300))
        for ticket in 1...1000 { budget.enqueue(UInt64(ticket), urgency: ticket % 10 == 0 ? .holding : .flat) }
        var next: UInt64 = 1000
        var now = Uptime.seconds(1)
        var asked: [Uptime] = []
        while now < .seconds(121) {
            let (granted, later) = budget.grant(now: now)
            for ticket in granted {
                asked.append(now)
                budget.ended(.failed, now: now + .milliseconds(1))
                next += 1
                budget.enqueue(next, urgency: ticket % 10 == 0 ? .holding : .flat)
            }
            guard let later else {
                now = now + .milliseconds(1)
                continue
            }
            now = later
        }
        #expect(budget.pace.isProbing)
        #expect((20...50).contains(asked.count), "\(asked.count)")
        let pauses = zip(asked.dropFirst(17), asked.dropFirst(16)).map { ($0 - $1).milliseconds }
        #expect(pauses.prefix(5) == [500, 1000, 2000, 4000, 5000] && pauses.max() == 5000, "\(pauses)")
        // It is back: one finds out, then more and more follow, the urgent ones first.
        var order: [UInt64] = []
        var sizes: [Int] = []
        while order.count < 340 {
            let (granted, later) = budget.grant(now: now)
            if granted.isEmpty { now = later ?? now + .milliseconds(1) }
            sizes.append(granted.count)
            order += granted
            for _ in granted { budget.ended(.connected, now: now) }
        }
        #expect(sizes.prefix(5) == [1, 17, 34, 68, 136], "\(sizes)")
        let last = order.lastIndex { $0 % 10 == 0 || $0 > 1000 } ?? -1
        #expect(last < 150, "all hundred who hold something are among the first")
        #expect(budget.used(now: now) <= 400)
    }

    @Test("an attempt whose outcome nobody tells blocks the others for a while, not for ever")
    func forgottenAttempts() {
        var budget = ConnectionBudget(connections: 400, per: .seconds(300))
        for ticket in 1...40 { budget.enqueue(UInt64(ticket), urgency: .flat) }
        #expect(budget.grant(now: .seconds(1)).granted.count == 16)
        budget.ended(.abandoned, now: .seconds(2))
        let one = budget.grant(now: .seconds(2))
        #expect(one.granted == [17] && one.next == .seconds(31))
        #expect(budget.grant(now: .seconds(31)).granted.count == 15)
    }

    @Test("back-off bounds double up to the maximum")
    func bounds() {
        let backoff = Backoff(initial: .milliseconds(500), max: .seconds(30))
        #expect(
            (0..<8).map { backoff.bound(attempt: $0).milliseconds } == [
                500, 1000, 2000, 4000, 8000, 16000, 30000, 30000,
            ]
        )
        #expect(backoff.bound(attempt: 10_000) == .seconds(30))
        #expect(Backoff(initial: .seconds(5), max: .seconds(1)).bound(attempt: 0) == .seconds(5))
    }

    @Test("back-off delays spread over the whole range and never leave it", arguments: 1...3)
    func jitter(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var backoff = Backoff(initial: .milliseconds(500), max: .seconds(30))
        var low = 0
        for attempt in 0..<2000 {
            let delay = backoff.next(using: &random)
            let bound = backoff.bound(attempt: attempt)
            #expect(delay >= .zero && delay <= bound)
            if delay < bound / 2 { low += 1 }
        }
        #expect((800...1200).contains(low), "full jitter: half of the delays lie in the lower half")
        #expect(backoff.attempts == 2000)
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(500))
    }

    @Test("no window ever sees more connections than allowed; nobody waits for ever", arguments: 1...5)
    func budget(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limit = 1 + random.below(20)
        let per = Duration.seconds(10)
        var budget = ConnectionBudget(connections: limit, per: per)
        var now = Uptime.seconds(0)
        var next: UInt64 = 0
        var waiting: Set<UInt64> = []
        var grants: [Uptime] = []
        var nextGrant: Uptime?
        var step = 0
        while step < 3000 || !waiting.isEmpty, step < 20_000 {
            step += 1
            if step < 3000 {
                for _ in 0..<random.below(3) {
                    next += 1
                    waiting.insert(next)
                    budget.enqueue(next, urgency: random.pick([.tickers, .holding, .flat]))
                }
                if random.chance(5), let victim = waiting.randomElement(using: &random) {
                    waiting.remove(victim)
                    budget.cancel(victim)
                }
            }
            let (granted, later) = budget.grant(now: now)
            for _ in granted { budget.ended(.connected, now: now) }
            for ticket in granted { #expect(waiting.remove(ticket) != nil, "granted twice, or after cancelling") }
            grants += Array(repeating: now, count: granted.count)
            #expect(grants.filter { $0 + per > now }.count <= limit)
            #expect(budget.used(now: now) == grants.filter { $0 + per > now }.count)
            if waiting.isEmpty { #expect(later == nil) }
            if let later { #expect(later > now) }
            nextGrant = later
            if !waiting.isEmpty, later == nil { #expect(!budget.grant(now: now).granted.isEmpty) }
            now = random.chance(2) ? now + .milliseconds(Int64(random.below(3000))) : (nextGrant ?? now + .seconds(1))
        }
        #expect(waiting.isEmpty && budget.waitingCount == 0)
    }

    @Test("urgent ones go first, and those of one urgency in order of arrival")
    func urgency() {
        var budget = ConnectionBudget(connections: 3, per: .seconds(10))
        for (ticket, urgency) in [(1, .flat), (2, .holding), (3, .flat), (4, .tickers), (5, .holding), (6, .flat)]
            as [(UInt64, ConnectionBudget.Urgency)]
        {
            budget.enqueue(ticket, urgency: urgency)
        }
        budget.cancel(3)
        let first = budget.grant(now: .seconds(1))
        #expect(first.granted == [4, 2, 5])
        #expect(first.next == .seconds(11))
        #expect(budget.grant(now: .seconds(10.9)).granted == [])
        let second = budget.grant(now: .seconds(11))
        #expect(second.granted == [1, 6])
        #expect(second.next == nil)
    }

    @Test("pings on time, declares death after the timeout, and takes any frame for life")
    func heartbeat() {
        var heartbeat = Heartbeat(interval: .seconds(20), timeout: .seconds(10), now: .seconds(0))
        #expect(heartbeat.deadline == .seconds(20))
        #expect(heartbeat.check(now: .seconds(19.9)) == .none)
        #expect(heartbeat.check(now: .seconds(20)) == .ping)
        #expect(heartbeat.deadline == .seconds(30))
        #expect(heartbeat.check(now: .seconds(29.9)) == .none)
        heartbeat.received(now: .seconds(29.9))
        #expect(heartbeat.check(now: .seconds(30)) == .none)
        #expect(heartbeat.deadline == .seconds(40))
        #expect(heartbeat.check(now: .seconds(40)) == .ping)
        #expect(heartbeat.check(now: .seconds(50)) == .dead)
    }

    @Test("a timeout longer than the interval counts from the first unanswered ping")
    func slowHeartbeat() {
        var heartbeat = Heartbeat(interval: .seconds(5), timeout: .seconds(12), now: .seconds(0))
        #expect(heartbeat.check(now: .seconds(5)) == .ping)
        #expect(heartbeat.check(now: .seconds(10)) == .ping)
        #expect(heartbeat.check(now: .seconds(15)) == .ping)
        #expect(heartbeat.check(now: .seconds(17)) == .dead)
    }

    @Test("sweeps: one in flight, a request meanwhile is not lost, failures back off")
    func sweeps() {
        var schedule = SweepSchedule(retry: .seconds(1), longestRetry: .seconds(30))
        #expect(schedule.deadline == .distantFuture)
        #expect(schedule.start(now: .seconds(1_000)) == false)
        schedule.request(now: .seconds(1))
        #expect(schedule.start(now: .seconds(1)) == true)
        #expect(schedule.deadline == .distantFuture)
        schedule.request(now: .seconds(2))
        #expect(schedule.start(now: .seconds(2)) == false)
        schedule.finished(success: true, interval: .seconds(60), now: .seconds(3))
        #expect(schedule.deadline == .seconds(3))
        #expect(schedule.start(now: .seconds(3)) == true)
        schedule.finished(success: true, interval: .seconds(60), now: .seconds(4))
        #expect(schedule.deadline == .seconds(64))
        schedule.request(by: .seconds(10))
        schedule.request(by: .seconds(20))
        #expect(schedule.deadline == .seconds(10))
        var now = Uptime.seconds(100)
        var delays: [Int64] = []
        for _ in 0..<8 {
            #expect(schedule.start(now: now) == true)
            schedule.finished(success: false, interval: .seconds(60), now: now)
            delays.append((schedule.deadline - now).milliseconds / 1000)
            now = schedule.deadline
        }
        #expect(delays == [1, 2, 4, 8, 16, 30, 30, 30])
        #expect(schedule.failures == 8)
    }
}

extension ConnectionBudget {
    /// Grants with every attempt succeeding at once. Returns how many there were.
    fileprivate mutating func grantAll(now: Uptime) -> Int {
        var count = 0
        while true {
            let granted = self.grant(now: now).granted
            if granted.isEmpty { return count }
            count += granted.count
            for _ in granted { self.ended(.connected, now: now) }
        }
    }
}
