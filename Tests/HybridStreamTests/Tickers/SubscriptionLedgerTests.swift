import Testing

@testable import HybridStream

@Suite("SubscriptionLedger")
struct SubscriptionLedgerTests {
    typealias Message = SubscriptionLedger.Message

    /// Topics are named by their slot.
    struct Rig {
        var ledger = SubscriptionLedger(linger: .seconds(5))
        var now = Uptime.seconds(100)

        mutating func acquire(_ slots: some Sequence<Int>) {
            for slot in slots { self.ledger.acquire(slot, characters: 18) }
        }
        mutating func release(_ slots: some Sequence<Int>) {
            for slot in slots { self.ledger.release(slot, now: self.now) }
        }
        mutating func messages() -> [Message] { self.ledger.messages(now: self.now) }
        mutating func answer(
            _ id: UInt64?,
            subscribe: Bool? = true,
            success: Bool = true,
            _ message: String = ""
        ) -> SubscriptionLedger.Verdict {
            self.ledger.answered(
                id,
                isSubscribe: subscribe,
                success: success,
                refusal: success ? nil : SubscriptionRefusal(message: message),
                slotOf: { Int($0.dropFirst("tickers.".count)) },
                now: self.now
            )
        }
        /// What is sent is accepted, until nothing is left to send.
        mutating func settle() {
            while case let sent = self.messages(), !sent.isEmpty {
                for message in sent { _ = self.answer(message.requestID, subscribe: message.isSubscribe) }
            }
        }
        mutating func wait(_ seconds: Int64) { self.now = self.now + .seconds(seconds) }
    }

    static func subscribe(_ id: UInt64, _ slots: [Int]) -> Message {
        Message(requestID: id, isSubscribe: true, slots: slots)
    }
    static func unsubscribe(_ id: UInt64, _ slots: [Int]) -> Message {
        Message(requestID: id, isSubscribe: false, slots: slots)
    }
    static func counts(_ desired: Int, _ active: Int, _ receiving: Int, _ quarantined: [Int] = [])
        -> SubscriptionLedger.Counts
    {
        var counts = SubscriptionLedger.Counts()
        (counts.desired, counts.active, counts.receiving, counts.quarantined) = (
            desired, active, receiving, quarantined
        )
        return counts
    }

    @Test("desired, pending, active, receiving")
    func life() {
        var rig = Rig()
        rig.acquire([1, 2, 1])
        #expect(rig.messages() == [] && rig.ledger.deadline == nil)
        rig.ledger.connected()
        #expect(rig.messages() == [Self.subscribe(1, [1, 2])])
        #expect(rig.messages() == [])
        #expect(rig.ledger.deadline == rig.now + .seconds(10))
        #expect(rig.ledger.counts == Self.counts(2, 0, 0))
        rig.ledger.received(1)
        #expect(rig.ledger.isReceiving(1) && !rig.ledger.isReceiving(2), "data may come before the acknowledgement")
        #expect(rig.answer(1) == .accepted)
        #expect(rig.ledger.counts == Self.counts(2, 2, 1))
        #expect(rig.answer(1) == .unexpected, "a doubled acknowledgement means nothing")
        #expect(rig.answer(99) == .unexpected)
        #expect(rig.answer(nil) == .unexpected)
        #expect(rig.ledger.counts == Self.counts(2, 2, 1) && rig.ledger.watched == [1, 2])
    }

    @Test("one bad topic in forty: the rest at once, that one quarantined and retried ever more slowly")
    func oneBad() {
        var rig = Rig()
        rig.acquire(0..<40)
        rig.ledger.connected()
        #expect(rig.messages() == [Self.subscribe(1, Array(0..<40))])
        #expect(
            rig.answer(1, success: false, "error:handler not found,topic:tickers.7")
                == .quarantined(slots: [7], text: "unknown to the exchange")
        )
        let rest = (0..<40).filter { $0 != 7 }
        #expect(rig.messages() == [Self.subscribe(2, rest)])
        #expect(rig.answer(2) == .accepted)
        #expect(rig.ledger.counts == Self.counts(39, 39, 0, [7]))
        var pauses: [Int64] = []
        for id in 3..<10 as Range<UInt64> {
            let due = rig.ledger.deadline ?? .distantFuture
            pauses.append((due - rig.now).milliseconds / 1000)
            rig.now = due
            #expect(rig.messages() == [Self.subscribe(id, [7])])
            _ = rig.answer(id, success: false, "error:handler not found,topic:tickers.7")
        }
        #expect(pauses == [60, 120, 240, 480, 900, 900, 900])
        #expect(rig.ledger.counts == Self.counts(39, 39, 0, [7]), "the others never notice")
        rig.release([7])
        #expect(rig.ledger.deadline == nil && !rig.ledger.isQuarantined(7))
    }

    @Test("already subscribed is active, and its siblings go again")
    func alreadySubscribed() {
        var rig = Rig()
        rig.acquire([1, 2, 3])
        rig.ledger.connected()
        _ = rig.messages()
        #expect(rig.answer(1, success: false, "error:already subscribed,topic:tickers.2") == .accepted)
        #expect(rig.ledger.counts == Self.counts(3, 1, 0))
        #expect(rig.messages() == [Self.subscribe(2, [1, 3])])
    }

    @Test("answers without an id belong to the oldest request of their kind")
    func withoutID() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1])
        _ = rig.messages()
        rig.acquire([2])
        _ = rig.messages()
        #expect(rig.answer(nil, subscribe: false) == .unexpected)
        #expect(rig.answer(nil) == .accepted)
        #expect(rig.ledger.watched == [1])
        #expect(
            rig.answer(nil, success: false, "error:handler not found,topic:tickers.2")
                == .quarantined(slots: [2], text: "unknown to the exchange")
        )
        #expect(rig.ledger.counts == Self.counts(1, 1, 0, [2]))
    }

    @Test("lingers after the last holder; one who comes back in time finds it running")
    func lingering() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1])
        rig.settle()
        rig.ledger.received(1)
        rig.release([1])
        #expect(rig.messages() == [] && rig.ledger.deadline == rig.now + .seconds(5))
        rig.wait(4)
        rig.acquire([1])
        rig.wait(100)
        #expect(rig.messages() == [] && rig.ledger.isReceiving(1))
        rig.release([1])
        rig.wait(5)
        #expect(rig.messages() == [Self.unsubscribe(2, [1])])
        #expect(rig.answer(2, subscribe: false) == .accepted)
        #expect(rig.ledger.isEmpty && rig.ledger.deadline == nil)
    }

    @Test("wanted again while it is being unsubscribed: subscribed after the answer, not before")
    func acquireDuringUnsubscribe() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1])
        rig.settle()
        rig.release([1])
        rig.wait(5)
        #expect(rig.messages() == [Self.unsubscribe(2, [1])])
        rig.acquire([1])
        #expect(rig.messages() == [])
        #expect(rig.answer(2, subscribe: false, success: false, "error:whatever") == .accepted)
        #expect(rig.messages() == [Self.subscribe(3, [1])])
    }

    @Test("a silent topic is unsubscribed and subscribed anew; nobody else is touched")
    func resubscribe() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1, 2])
        rig.settle()
        rig.ledger.received(1)
        rig.ledger.received(2)
        #expect(rig.ledger.resubscribe(1, now: rig.now) == Self.unsubscribe(2, [1]))
        #expect(rig.ledger.resubscribe(1, now: rig.now) == nil, "under way already")
        rig.ledger.received(1)
        #expect(!rig.ledger.isReceiving(1), "late data of the old subscription proves nothing")
        #expect(rig.answer(2, subscribe: false) == .accepted)
        #expect(rig.messages() == [Self.subscribe(3, [1])])
        #expect(rig.ledger.isReceiving(2) && rig.ledger.counts == Self.counts(2, 1, 1))
    }

    @Test("what is wanted survives a disconnect; what was released does not come back")
    func reconnect() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1, 2, 3, 4])
        rig.settle()
        rig.release([4])
        rig.acquire([5])
        _ = rig.messages()
        rig.ledger.disconnected()
        #expect(rig.ledger.counts == Self.counts(4, 0, 0) && rig.ledger.deadline == nil)
        #expect(!rig.ledger.isOverdue(now: rig.now + .seconds(100)))
        rig.release([2])
        rig.acquire([6])
        #expect(rig.messages() == [])
        #expect(rig.answer(2) == .unexpected, "an answer of the lost connection")
        rig.ledger.connected()
        let sent = rig.messages()
        #expect(sent.map(\.slots) == [[1, 3, 5, 6]])
        #expect(sent.filter { !$0.isSubscribe } == [])
    }

    @Test("an answer that does not come makes the connection overdue")
    func overdue() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1])
        _ = rig.messages()
        #expect(!rig.ledger.isOverdue(now: rig.now + .milliseconds(9_999)))
        #expect(rig.ledger.isOverdue(now: rig.now + .seconds(10)))
    }

    @Test("requests hold at most 200 topics and 21,000 characters")
    func batches() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire(0..<450)
        #expect(rig.messages().map(\.slots.count) == [200, 200, 50])
        var long = Rig()
        long.ledger.connected()
        for slot in 0..<100 { long.ledger.acquire(slot, characters: 500) }
        #expect(long.messages().map(\.slots.count) == [42, 42, 16])
        var huge = Rig()
        huge.ledger.connected()
        huge.ledger.acquire(1, characters: 30_000)
        #expect(huge.messages().map(\.slots) == [[1]])
    }

    @Test("released while the answer is under way: given up afterwards")
    func releaseWhilePending() {
        var rig = Rig()
        rig.ledger.connected()
        rig.acquire([1, 2])
        _ = rig.messages()
        rig.release([1])
        rig.wait(6)
        #expect(rig.messages() == [])
        _ = rig.answer(1)
        #expect(rig.messages() == [Self.unsubscribe(2, [1])])
        var refused = Rig()
        refused.ledger.connected()
        refused.acquire([1, 2])
        _ = refused.messages()
        refused.release([1])
        _ = refused.answer(1, success: false, "error:handler not found,topic:tickers.2")
        #expect(refused.messages() == [])
        #expect(!refused.ledger.isHeld(1) && refused.ledger.counts == Self.counts(0, 0, 0, [2]))
    }
}
