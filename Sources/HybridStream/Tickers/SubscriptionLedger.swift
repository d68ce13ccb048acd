/// Which tickers are wanted, asked for, acknowledged and delivering, and what to send next.
///
/// Only edges go out: a topic is subscribed when its first holder appears and unsubscribed when the last one has been
/// gone for `linger`. What is wanted survives any disconnect; everything else belongs to one connection. The exchange
/// takes a request whole or not at all, so the topic it names is set aside and the rest sent again.
public struct SubscriptionLedger: Sendable {
    public typealias RequestID = UInt64

    /// What is known of a topic on the current connection. In every state the topic is held or lingers, else it is not in
    /// the ledger at all.
    enum State: Equatable, Sendable {
        /// Not asked for yet. → `pending` with the next batch.
        case desired
        /// Asked for. → `active` on the acknowledgement or "already subscribed"; → `desired` if a sibling spoiled the
        /// batch; → `quarantined` if it did so itself.
        case pending(RequestID)
        /// Acknowledged. → `unsubscribing` when the last holder has been gone long enough or the topic fell silent.
        case active
        /// → `desired` on the answer if it is wanted again, else it leaves the ledger. Subscribing before the answer
        /// would be refused as "already subscribed", and no snapshot would come.
        case unsubscribing(RequestID)
        /// Refused by name. → `desired` when the time has come.
        case quarantined(until: Uptime)
    }

    struct Topic: Equatable, Sendable {
        var holders: Int
        var state: State
        let characters: Int
        /// Set while nobody holds it: when it is given up.
        var lingersUntil: Uptime?
        var refusals = 0
        var refusalText = ""
    }

    private struct Request: Sendable {
        var slots: [Int]
        var isSubscribe: Bool
        var deadline: Uptime
    }

    /// What the shell has to send.
    public struct Message: Equatable, Sendable {
        public var requestID: RequestID
        public var isSubscribe: Bool
        public var slots: [Int]
    }

    /// What became of an answer.
    public enum Verdict: Equatable, Sendable {
        case accepted
        /// These were refused by name and are tried again later.
        case quarantined(slots: [Int], text: String)
        /// Nothing in flight fits it.
        case unexpected
    }

    public static let ackTimeout = Duration.seconds(10)
    /// More topics in one request have got sockets closed (reported by other clients at 500).
    public static let maxBatch = 200
    static let firstQuarantine = Duration.seconds(60)
    static let longestQuarantine = Duration.seconds(900)

    private let linger: Duration
    private(set) var topics: [Int: Topic] = [:]
    /// By slot: data came on the current subscription. Asked for every frame, hence apart from the dictionary.
    private var receiving: ContiguousArray<Bool> = []
    private var requests: [RequestID: Request] = [:]
    private var nextRequest: RequestID = 1
    private var isConnected = false
    /// Shrinks when the exchange refuses a batch without naming the culprit.
    private var batchLimit = SubscriptionLedger.maxBatch

    public init(linger: Duration) {
        self.linger = linger
    }

    // MARK: Holders

    /// - Parameter characters: how much of a request's `args` the topic takes.
    public mutating func acquire(_ slot: Int, characters: Int) {
        if self.topics[slot] == nil { self.topics[slot] = Topic(holders: 0, state: .desired, characters: characters) }
        self.topics[slot]?.holders += 1
        self.topics[slot]?.lingersUntil = nil
    }

    public mutating func release(_ slot: Int, now: Uptime) {
        guard var topic = self.topics[slot], topic.holders > 0 else { return }
        topic.holders -= 1
        guard topic.holders == 0 else {
            self.topics[slot] = topic
            return
        }
        switch topic.state {
        case .desired, .quarantined:
            self.topics[slot] = nil
        case .pending, .active, .unsubscribing:
            // While it is being subscribed the answer decides; it is given up afterwards like any other.
            topic.lingersUntil = now + self.linger
            self.topics[slot] = self.isConnected ? topic : nil
        }
    }

    // MARK: Connection

    public mutating func connected() {
        self.isConnected = true
    }

    /// Everything that was true of the connection is forgotten; what is wanted stays wanted.
    public mutating func disconnected() {
        self.isConnected = false
        self.requests = [:]
        self.batchLimit = Self.maxBatch
        for slot in self.receiving.indices { self.receiving[slot] = false }
        for (slot, topic) in self.topics {
            if topic.holders == 0 {
                self.topics[slot] = nil
                continue
            }
            var kept = topic
            if case .quarantined = kept.state {} else { kept.state = .desired }
            self.topics[slot] = kept
        }
    }

    /// Data of a topic came. It may come before the acknowledgement.
    @inline(__always)
    public mutating func received(_ slot: Int) {
        if self.isReceiving(slot) { return }
        self.receivedFirst(slot)
    }

    @inline(never)
    private mutating func receivedFirst(_ slot: Int) {
        switch self.topics[slot]?.state {
        case .pending, .active:
            while self.receiving.count <= slot { self.receiving.append(false) }
            self.receiving[slot] = true
        case .desired, .unsubscribing, .quarantined, nil: break
        }
    }

    /// Whether data of the topic came on its current subscription.
    @inline(__always)
    public func isReceiving(_ slot: Int) -> Bool { slot < self.receiving.count && self.receiving[slot] }

    private mutating func stopReceiving(_ slot: Int) {
        if slot < self.receiving.count { self.receiving[slot] = false }
    }

    /// Has the topic subscribed anew: it fell silent though it is active.
    /// - Returns: nil if it is not active: something is under way already.
    public mutating func resubscribe(_ slot: Int, now: Uptime) -> Message? {
        guard self.isConnected, self.topics[slot]?.state == .active else { return nil }
        return self.send([slot], isSubscribe: false, now: now)
    }

    // MARK: Answers

    /// - Parameter requestID: what the answer echoes; nil if it echoes nothing. Then it belongs to the oldest request of
    ///   its kind, since answers come in the order of the requests.
    public mutating func answered(
        _ requestID: RequestID?,
        isSubscribe: Bool?,
        success: Bool,
        refusal: SubscriptionRefusal?,
        slotOf: (String) -> Int?,
        now: Uptime
    ) -> Verdict {
        let oldest = self.requests.filter { isSubscribe == nil || $0.value.isSubscribe == isSubscribe }.keys.min()
        guard let id = requestID ?? oldest, let request = self.requests.removeValue(forKey: id) else {
            return .unexpected
        }
        if !request.isSubscribe {
            // Refused or not, the topic is not wanted on this connection any more.
            for slot in request.slots { self.unsubscribed(slot) }
            return .accepted
        }
        if success {
            self.batchLimit = min(Self.maxBatch, self.batchLimit * 2)
            for slot in request.slots { self.topics[slot]?.state = .active }
            return .accepted
        }
        return self.refused(request, refusal ?? .other(""), slotOf: slotOf, now: now)
    }

    private mutating func refused(
        _ request: Request,
        _ refusal: SubscriptionRefusal,
        slotOf: (String) -> Int?,
        now: Uptime
    ) -> Verdict {
        for slot in request.slots { self.topics[slot]?.state = .desired }
        switch refusal {
        case .alreadySubscribed(let topic):
            guard let slot = slotOf(topic), request.slots.contains(slot) else { break }
            self.topics[slot]?.state = .active
            return .accepted
        case .unknownTopic(let topic):
            guard let slot = slotOf(topic), request.slots.contains(slot) else { break }
            self.quarantine(slot, text: "unknown to the exchange", now: now)
            return .quarantined(slots: [slot], text: "unknown to the exchange")
        case .other(let text):
            if request.slots.count == 1 {
                self.quarantine(request.slots[0], text: text, now: now)
                return .quarantined(slots: request.slots, text: text)
            }
        }
        // Nobody is named: smaller batches find out who it is.
        if request.slots.count == 1 {
            self.quarantine(request.slots[0], text: "refused", now: now)
            return .quarantined(slots: request.slots, text: "refused")
        }
        self.batchLimit = max(1, request.slots.count / 2)
        return .accepted
    }

    private mutating func quarantine(_ slot: Int, text: String, now: Uptime) {
        guard var topic = self.topics[slot] else { return }
        if topic.holders == 0 {
            self.topics[slot] = nil
            return
        }
        let pause = min(Self.longestQuarantine, Self.firstQuarantine * (1 << min(topic.refusals, 8)))
        topic.refusals += 1
        topic.refusalText = text
        self.stopReceiving(slot)
        topic.state = .quarantined(until: now + pause)
        self.topics[slot] = topic
    }

    private mutating func unsubscribed(_ slot: Int) {
        guard var topic = self.topics[slot] else { return }
        if topic.holders == 0 {
            self.topics[slot] = nil
            return
        }
        topic.state = .desired
        self.stopReceiving(slot)
        topic.lingersUntil = nil
        self.topics[slot] = topic
    }

    // MARK: What to send

    /// The requests that are due. Call after every input and at ``deadline``.
    public mutating func messages(now: Uptime) -> [Message] {
        guard self.isConnected else { return [] }
        var wanted: [Int] = []
        var expired: [Int] = []
        for (slot, topic) in self.topics {
            switch topic.state {
            case .desired:
                if topic.holders > 0 { wanted.append(slot) } else { self.topics[slot] = nil }
            case .quarantined(let until):
                if now >= until { wanted.append(slot) }
            case .active:
                if topic.holders == 0, let until = topic.lingersUntil, now >= until { expired.append(slot) }
            case .pending, .unsubscribing:
                break
            }
        }
        var messages: [Message] = []
        for batch in self.batches(expired) { messages.append(self.send(batch, isSubscribe: false, now: now)) }
        for batch in self.batches(wanted) { messages.append(self.send(batch, isSubscribe: true, now: now)) }
        return messages
    }

    /// True once a request has been waiting too long for its answer: the connection is not to be trusted.
    public func isOverdue(now: Uptime) -> Bool {
        self.requests.values.contains { now >= $0.deadline }
    }

    /// When ``messages(now:)`` or ``isOverdue(now:)`` may say something new.
    public var deadline: Uptime? {
        var earliest: Uptime?
        func consider(_ time: Uptime) { earliest = earliest.map { min($0, time) } ?? time }
        guard self.isConnected else { return nil }
        for request in self.requests.values { consider(request.deadline) }
        for topic in self.topics.values {
            switch topic.state {
            case .quarantined(let until): consider(until)
            case .active: if topic.holders == 0, let until = topic.lingersUntil { consider(until) }
            case .desired, .pending, .unsubscribing: break
            }
        }
        return earliest
    }

    private mutating func send(_ slots: [Int], isSubscribe: Bool, now: Uptime) -> Message {
        let id = self.nextRequest
        self.nextRequest += 1
        self.requests[id] = Request(slots: slots, isSubscribe: isSubscribe, deadline: now + Self.ackTimeout)
        for slot in slots {
            self.stopReceiving(slot)
            self.topics[slot]?.state = isSubscribe ? .pending(id) : .unsubscribing(id)
        }
        return Message(requestID: id, isSubscribe: isSubscribe, slots: slots)
    }

    /// Sorted, so that a run can be replayed; bounded in topics and characters. A topic that was refused before goes
    /// alone, or it would spoil the batch again.
    private func batches(_ slots: [Int]) -> [[Int]] {
        var batches: [[Int]] = []
        var current: [Int] = []
        var length = 0
        for slot in slots.sorted() {
            if let topic = self.topics[slot], topic.refusals > 0 {
                batches.append([slot])
                continue
            }
            let more = self.topics[slot]?.characters ?? 0
            let isFull = current.count == self.batchLimit || length + more > OperationRequest.maxArgumentCharacters
            if isFull, !current.isEmpty {
                batches.append(current)
                current = []
                length = 0
            }
            current.append(slot)
            length += more
        }
        if !current.isEmpty { batches.append(current) }
        return batches
    }
}

extension SubscriptionLedger {
    /// The counts that `status` shows.
    public struct Counts: Equatable, Sendable {
        /// Held by somebody and not quarantined.
        public var desired = 0
        public var active = 0
        public var receiving = 0
        public var quarantined: [Int] = []

        public init() {}
    }

    public var counts: Counts {
        var counts = Counts()
        for (slot, topic) in self.topics where topic.holders > 0 {
            if case .quarantined = topic.state {
                counts.quarantined.append(slot)
                continue
            }
            counts.desired += 1
            if topic.state == .active { counts.active += 1 }
            if topic.state == .active, self.isReceiving(slot) { counts.receiving += 1 }
        }
        counts.quarantined.sort()
        return counts
    }

    /// Held topics that were acknowledged and are expected to deliver.
    public var watched: [Int] {
        self.topics.filter { $0.value.holders > 0 && $0.value.state == .active }.keys.sorted()
    }

    /// Held topics in whatever state.
    public var held: [Int] { self.topics.filter { $0.value.holders > 0 }.keys.sorted() }

    public func isHeld(_ slot: Int) -> Bool { self.topics[slot].map { $0.holders > 0 } ?? false }

    public var isEmpty: Bool { self.topics.isEmpty }

    public func isQuarantined(_ slot: Int) -> Bool {
        if case .quarantined = self.topics[slot]?.state { return true }
        return false
    }
}
