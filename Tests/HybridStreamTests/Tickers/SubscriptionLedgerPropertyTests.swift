import Testing

@testable import HybridStream

@Suite("SubscriptionLedger against a model exchange")
struct SubscriptionLedgerPropertyTests {
    static let bad: Set<Int> = [3, 17, 29]

    struct World {
        var ledger = SubscriptionLedger(linger: .seconds(5))
        var exchange: ModelExchange
        var now = Uptime.seconds(1000)
        var isConnected = false
        var holders: [Int: Int] = [:]
        var wire: [SubscriptionLedger.Message] = []
        var requests = 0

        init(maxTopics: Int) {
            self.exchange = ModelExchange(
                known: Set(
                    (0..<40).filter { !SubscriptionLedgerPropertyTests.bad.contains($0) }.map { "tickers.\($0)" }
                )
            )
            self.exchange.maxTopics = maxTopics
        }

        mutating func flush() {
            let sent = self.ledger.messages(now: self.now)
            for message in sent {
                #expect(self.isConnected, "nothing is sent into the void")
                #expect(!message.slots.isEmpty && Set(message.slots).count == message.slots.count)
            }
            self.requests += sent.count
            self.wire += sent
        }

        /// The exchange answers the oldest request, sometimes without its id.
        mutating func answer(_ random: inout SplitMix64) {
            guard !self.wire.isEmpty else { return }
            let message = self.wire.removeFirst()
            let answer = self.exchange.request(message.slots.map { "tickers.\($0)" }, isSubscribe: message.isSubscribe)
            let snapshots = self.exchange.snapshots.compactMap { Int($0.dropFirst(8)) }
            self.exchange.snapshots = []
            let dataFirst = random.chance(2)
            if dataFirst { for slot in snapshots { self.ledger.received(slot) } }
            _ = self.ledger.answered(
                random.chance(4) ? nil : message.requestID,
                isSubscribe: answer.isSubscribe,
                success: answer.success,
                refusal: answer.success ? nil : SubscriptionRefusal(message: answer.message),
                slotOf: { Int($0.dropFirst(8)) },
                now: self.now
            )
            if !dataFirst { for slot in snapshots { self.ledger.received(slot) } }
            self.flush()
        }

        mutating func disconnect() {
            self.isConnected = false
            self.wire = []
            self.exchange.active = []
            self.exchange.snapshots = []
            self.ledger.disconnected()
        }
    }

    @Test(
        "after quiet, what is held and known is active and delivers, at the exchange as in the ledger",
        arguments: 1...40
    )
    func quiescence(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var world = World(maxTopics: seed % 4 == 0 ? 10 : .max)
        for _ in 0..<400 {
            switch random.below(12) {
            case 0...3:
                let slot = random.below(40)
                world.holders[slot, default: 0] += 1
                world.ledger.acquire(slot, characters: 20)
            case 4...6:
                guard let slot = world.holders.keys.sorted().randomElement(using: &random) else { break }
                world.holders[slot] = (world.holders[slot] ?? 1) - 1
                if world.holders[slot] == 0 { world.holders[slot] = nil }
                world.ledger.release(slot, now: world.now)
            case 7, 8: world.answer(&random)
            case 9:
                if world.isConnected, random.chance(4) {
                    world.disconnect()
                } else if !world.isConnected {
                    world.isConnected = true
                    world.ledger.connected()
                }
            case 10:
                let slot = random.below(40)
                if let message = world.ledger.resubscribe(slot, now: world.now) { world.wire.append(message) }
            default: world.now = world.now + .milliseconds(Int64(random.below(3000)))
            }
            world.flush()
        }
        if !world.isConnected {
            world.isConnected = true
            world.ledger.connected()
            world.flush()
        }
        world.requests = 0
        // Long enough for every linger, short enough that no quarantine ends.
        for _ in 0..<30 {
            while !world.wire.isEmpty { world.answer(&random) }
            world.now = world.now + .milliseconds(300)
            world.flush()
        }
        let held = Set(world.holders.keys)
        let expected = held.subtracting(Self.bad)
        #expect(Set(world.exchange.active.compactMap { Int($0.dropFirst(8)) }) == expected)
        #expect(Set(world.ledger.watched) == expected)
        #expect(Set(world.ledger.held) == held)
        #expect(Set(world.ledger.counts.quarantined) == held.intersection(Self.bad))
        for slot in expected { #expect(world.ledger.isReceiving(slot), "\(slot) is active and does not deliver") }
        #expect(world.requests < 200, "no storm of requests")
        #expect(!world.ledger.isOverdue(now: world.now))
        // Everybody goes: nothing is left anywhere.
        for (slot, count) in world.holders { for _ in 0..<count { world.ledger.release(slot, now: world.now) } }
        world.now = world.now + .seconds(6)
        world.flush()
        while !world.wire.isEmpty { world.answer(&random) }
        #expect(world.exchange.active.isEmpty && world.ledger.isEmpty && world.ledger.deadline == nil)
    }
}
