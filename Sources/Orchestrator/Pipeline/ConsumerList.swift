import HybridStream

/// The built-in consumers of one account, in order, called without counting references. Confined to the account's loop.
struct ConsumerList {
    final class Member {
        let consumer: any PositionConsumer
        let index: Int
        fileprivate let next: Unmanaged<Member>?

        fileprivate init(_ consumer: any PositionConsumer, index: Int, next: Member?) {
            self.consumer = consumer
            self.index = index
            self.next = next.map { .passUnretained($0) }
        }
    }

    /// Keeps what the pointers point to.
    private var members: [Member] = []
    private var first: Unmanaged<Member>?
    private var isCalling = false
    /// Replaced while one of them was being called.
    private var retired: [[Member]] = []

    init(_ consumers: [any PositionConsumer]) { self.link(consumers) }

    var isEmpty: Bool { self.first == nil }

    func name(_ index: Int) -> String { self.members.first { $0.index == index }?.consumer.name ?? "consumer" }

    /// Also while one of them is being called: the former ones then still get the event that they were to get.
    mutating func replace(with consumers: [any PositionConsumer]) {
        if self.isCalling { self.retired.append(self.members) }
        self.link(consumers)
    }

    private mutating func link(_ consumers: [any PositionConsumer]) {
        var next: Member?
        self.members = consumers.enumerated().reversed().map { index, consumer in
            let member = Member(consumer, index: index, next: next)
            next = member
            return member
        }
        self.first = next.map { .passUnretained($0) }
    }

    /// Where to begin calling; each member says which one follows. To be answered by ``endCalling()`` if it returns true.
    @inline(__always)
    mutating func beginCalling() -> Bool {
        if self.isCalling { return false }
        self.isCalling = true
        return true
    }

    @inline(__always)
    mutating func endCalling() {
        self.isCalling = false
        if !self.retired.isEmpty { self.retired.removeAll() }
    }

    @inline(__always)
    var start: Unmanaged<Member>? { self.first }

    @inline(__always)
    static func next(after member: Member) -> Unmanaged<Member>? { member.next }
}
