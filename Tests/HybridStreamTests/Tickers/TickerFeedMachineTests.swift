import Testing

@testable import HybridStream

/// A feed machine with its clock and a model exchange behind it.
struct FeedRig {
    typealias Action = TickerFeedMachine.Action
    var machine: TickerFeedMachine
    var now = Uptime.seconds(1000)
    var exchange = ModelExchange(known: Set((0..<50).map { "tickers.S\($0)" }))
    /// Symbols that deliver nothing although they are subscribed.
    var mute: Set<String> = []
    var isUp = true
    var isConnected = false
    var cs: Int64 = 1
    var connects = 0
    var closes: [String] = []
    var stale: [String] = []
    var fresh: [String: Uptime] = [:]
    var marks: [String: [String]] = [:]
    /// What REST says.
    var quotes: [String: String] = [:]
    var polls: [[String]] = []
    var polled: [String] = []
    var recovered: [TickerGap] = []
    var notRecovered: [TickerGap] = []

    init(seed: UInt64 = 1) {
        self.machine = TickerFeedMachine(settings: TickerFeedMachine.Settings(category: .linear), seed: seed)
    }

    mutating func acquire(_ symbols: [String]) {
        for symbol in symbols {
            var actions: [Action] = []
            _ = self.machine.acquire(symbol, now: self.now, actions: &actions)
            self.perform(actions)
        }
    }

    mutating func release(_ symbol: String) {
        var actions: [Action] = []
        if let slot = self.machine.symbols.slot(of: symbol) {
            self.machine.release(slot, now: self.now, actions: &actions)
        }
        self.perform(actions)
    }

    mutating func perform(_ actions: [Action]) {
        for action in actions {
            var next: [Action] = []
            switch action {
            case .requestConnection: self.machine.granted(now: self.now, actions: &next)
            case .connect:
                self.connects += 1
                if self.isUp {
                    self.isConnected = true
                    self.machine.opened(now: self.now, actions: &next)
                } else {
                    self.machine.closed(reason: "refused", now: self.now, actions: &next)
                }
            case .send(let text): self.answer(text)
            case .close(let reason):
                self.closes.append(reason)
                self.lose(reason)
            case .stale(let slot): self.stale.append(self.machine.symbols.symbols[slot])
            case .poll(let slots):
                self.polls.append(slots.map { self.machine.symbols.symbols[$0] })
                let marks = slots.compactMap { slot in
                    self.quotes[self.machine.symbols.symbols[slot]].map { price in
                        self.cs += 1
                        return TickerFeedMachine.PolledMark(
                            slot: slot,
                            price: FixedPoint(price) ?? .zero,
                            exchangeTime: self.cs
                        )
                    }
                }
                self.machine.polled(marks, wallTime: 1, now: self.now, actions: &next)
            case .polledMark(let slot):
                self.polled.append(self.machine.symbols.symbols[slot])
                let price = self.machine.book.mark(slot)?.price.description ?? ""
                self.marks[self.machine.symbols.symbols[slot], default: []].append(price)
            case .recovered(let gap): self.recovered.append(gap)
            case .notRecovered(let gap): self.notRecovered.append(gap)
            case .quarantined, .stateChanged: break
            }
            self.perform(next)
        }
    }

    private mutating func readCompleted() {
        self.machine.readCompleted(now: self.now)
        guard self.machine.needsGapCheck else { return }
        var actions: [Action] = []
        self.machine.checkGap(now: self.now, actions: &actions)
        self.perform(actions)
    }

    mutating func lose(_ reason: String) {
        self.isConnected = false
        self.exchange.active = []
        self.exchange.snapshots = []
        var actions: [Action] = []
        self.machine.closed(reason: reason, now: self.now, actions: &actions)
        self.perform(actions)
    }

    private mutating func answer(_ text: String) {
        guard self.isConnected else { return }
        let id = text.split(separator: "\"")[3].description
        var reply = OperationReply()
        reply.requestID = id
        if text.contains("\"op\":\"ping\"") {
            reply.operation = "ping"
            reply.message = "pong"
            reply.success = true
        } else {
            let isSubscribe = text.contains("\"op\":\"subscribe\"")
            let topics = text.split(separator: "\"").map(String.init).filter { $0.hasPrefix("tickers.") }
            let answer = self.exchange.request(topics, isSubscribe: isSubscribe)
            reply.operation = isSubscribe ? "subscribe" : "unsubscribe"
            reply.success = answer.success
            reply.message = answer.message
        }
        var actions: [Action] = []
        self.machine.received(reply: reply, now: self.now, actions: &actions)
        self.readCompleted()
        let snapshots = self.exchange.snapshots
        self.exchange.snapshots = []
        for topic in snapshots { self.deliver(String(topic.dropFirst(8)), snapshot: true) }
        self.perform(actions)
    }

    mutating func deliver(_ symbol: String, snapshot: Bool = false, mark: String? = nil) {
        guard self.isConnected, !self.mute.contains(symbol) else { return }
        self.cs += 1
        let price = mark ?? "\(self.cs)"
        withBytes(symbol) { bytes in
            var frame = TickerFrame(symbol: bytes, isSnapshot: snapshot, cs: self.cs, ts: self.cs)
            frame.markPrice = FixedPoint(price)
            guard let slot = self.machine.slot(of: frame) else { return }
            if self.machine.received(ticker: frame, slot: slot, wallTime: 1, now: self.now) == .newMark {
                self.marks[symbol, default: []].append(price)
            }
        }
        self.readCompleted()
    }

    /// Time passes: the exchange sends every active symbol's delta each half second, the machine's timer rings on time.
    mutating func run(_ seconds: Double) {
        let end = self.now + .milliseconds(Int64(seconds * 1000))
        var nextTick = self.now + .milliseconds(500)
        var rings = 0
        while self.now < end {
            let due = min(end, nextTick, max(self.now, self.machine.deadline))
            rings = due == self.now ? rings + 1 : 0
            self.now = due
            if due == nextTick {
                nextTick = nextTick + .milliseconds(500)
                for topic in self.exchange.active.sorted() { self.deliver(String(topic.dropFirst(8))) }
            }
            if self.machine.deadline <= self.now {
                var actions: [Action] = []
                self.machine.tick(now: self.now, actions: &actions)
                self.perform(actions)
            }
            if rings > 50 {
                Issue.record("the timer spins in \(self.machine.phase)")
                return
            }
        }
    }

    var receiving: [String] {
        self.machine.ledger.held.filter { self.machine.ledger.isReceiving($0) }.map { self.machine.symbols.symbols[$0] }
    }
}

@Suite("TickerFeedMachine")
struct TickerFeedMachineTests {
    static let fifty = (0..<50).map { "S\($0)" }

    @Test(
        "connects with the first holder; all fifty symbols deliver, and again after a loss, each on the new connection"
    )
    func reconnects() {
        var rig = FeedRig()
        #expect(rig.machine.deadline == .distantFuture)
        rig.acquire(Self.fifty)
        rig.run(1)
        #expect(rig.connects == 1 && rig.receiving.count == 50)
        rig.run(60)
        rig.lose("reset")
        #expect(rig.receiving == [])
        // One opens while the connection is down.
        rig.exchange.known.insert("tickers.NEW")
        rig.acquire(["NEW"])
        rig.release("S0")
        rig.run(1.5)
        #expect(
            rig.connects == 2 && rig.receiving.count == 50 && rig.receiving.contains("NEW")
                && !rig.receiving.contains("S0")
        )
        #expect(rig.exchange.active.count == 50 && !rig.exchange.active.contains("tickers.S0"), "no zombie")
        #expect(rig.stale == [], "a quick reconnect makes nobody stale")
        rig.run(600)
        #expect(rig.connects == 2 && rig.closes == [] && rig.stale == [])
    }

    @Test("while the exchange is away: stale after the time, attempts back off, all back afterwards")
    func outage() {
        var rig = FeedRig()
        rig.acquire(Self.fifty)
        rig.run(5)
        rig.isUp = false
        rig.lose("gone")
        rig.run(9)
        #expect(rig.stale == [])
        rig.run(3)
        #expect(Set(rig.stale) == Set(Self.fifty) && rig.stale.count == 50)
        rig.run(588)
        #expect((20...80).contains(rig.connects))
        #expect(rig.stale.count == 50, "told once")
        rig.isUp = true
        rig.run(31)
        #expect(rig.receiving.count == 50)
        #expect(
            Self.fifty.allSatisfy { symbol in
                rig.machine.symbols.slot(of: symbol).map { !rig.machine.isStale($0) } ?? false
            }
        )
    }

    @Test("one symbol falls silent: stale, subscribed anew, the others never notice")
    func oneSilent() {
        var rig = FeedRig()
        rig.acquire(Self.fifty)
        rig.run(5)
        rig.exchange.active.remove("tickers.S7")
        let before = rig.marks["S8"]?.count ?? 0
        rig.run(11.1)
        #expect(rig.stale == ["S7"])
        rig.run(1)
        #expect(rig.exchange.active.contains("tickers.S7") && rig.receiving.count == 50)
        #expect(rig.connects == 1 && rig.closes == [])
        #expect((rig.marks["S8"]?.count ?? 0) - before >= 24)
        // It happens again an hour later, and is mended in the same way.
        rig.run(3600)
        rig.exchange.active.remove("tickers.S7")
        rig.run(13)
        #expect(rig.connects == 1 && rig.closes == [] && rig.receiving.count == 50 && rig.stale == ["S7", "S7"])
    }

    @Test("a symbol that was slow to begin does not cost the connection when it falls silent much later")
    func slowStart() {
        var rig = FeedRig()
        rig.mute = ["S7"]
        rig.acquire(Self.fifty)
        rig.run(9.6)
        // Its snapshot got lost; the new subscription brings one.
        rig.mute = []
        rig.run(2)
        #expect(rig.receiving.count == 50)
        rig.run(3600)
        rig.exchange.active.remove("tickers.S7")
        rig.run(13)
        #expect(rig.connects == 1 && rig.closes == [] && rig.receiving.count == 50)
    }

    @Test("a symbol that stays silent costs one reconnect, not one every twenty seconds for all the others")
    func deadSymbol() {
        var rig = FeedRig()
        rig.acquire(Self.fifty)
        rig.run(5)
        rig.mute = ["S7"]
        rig.run(60)
        #expect(rig.closes == ["S7 stayed silent after a new subscription"])
        #expect(rig.stale == ["S7"])
        rig.run(3600)
        #expect(rig.closes.count == 1 && rig.connects == 2, "forty-nine live symbols must not pay for a dead one")
        // It comes back to life: noticed at once, and the next silence is treated from the beginning.
        rig.mute = []
        rig.run(61)
        #expect(rig.receiving.count == 50)
        rig.mute = ["S7"]
        rig.run(60)
        #expect(rig.closes.count == 2)
    }

    @Test("all silent while pongs come: the connection is given up")
    func allSilent() {
        var rig = FeedRig()
        rig.acquire(["S1", "S2", "S3"])
        rig.run(5)
        rig.mute = ["S1", "S2", "S3"]
        rig.run(11.5)
        #expect(rig.closes == ["no ticker of 3 symbols within 10.0 seconds"])
        rig.mute = []
        rig.run(14)
        #expect(rig.receiving.count == 3)
    }

    @Test("… also if some fell silent a moment before the others and were subscribed anew by then")
    func allSilentInTurn() {
        var rig = FeedRig()
        rig.acquire(["S1", "S2", "S3"])
        rig.run(5)
        rig.mute = ["S1"]
        rig.run(1.5)
        rig.mute = ["S1", "S2", "S3"]
        rig.run(11.5)
        #expect(rig.closes == ["no ticker of 3 symbols within 10.0 seconds"])
    }

    @Test("no pong and no frame: given up after the timeout")
    func halfOpen() {
        var rig = FeedRig()
        var actions: [FeedRig.Action] = []
        let slot = rig.machine.acquire("S1", now: rig.now, actions: &actions)
        #expect(actions == [.requestConnection, .stateChanged] && slot == 0)
        actions = []
        rig.machine.granted(now: rig.now, actions: &actions)
        #expect(actions == [.connect, .stateChanged])
        #expect(rig.machine.deadline <= rig.now + .seconds(10))
        actions = []
        rig.machine.opened(now: rig.now, actions: &actions)
        #expect(actions == [.stateChanged, .send(#"{"req_id":"1","op":"subscribe","args":["tickers.S1"]}"#)])
        actions = []
        rig.now = rig.now + .seconds(10)
        rig.machine.tick(now: rig.now, actions: &actions)
        #expect(actions.first == .close(reason: "a subscription was not answered within 10.0 seconds"))
        #expect(actions.dropFirst() == [.poll(slots: [0])], "REST is asked for the mark meanwhile")
        #expect(rig.machine.deadline > rig.now, "nothing rings in vain until the socket reports its end")
    }

    @Test("after the last holder the feed stays, and a new holder has a price at once")
    func idle() {
        var rig = FeedRig()
        rig.acquire(["S1"])
        rig.run(5)
        rig.release("S1")
        rig.run(10)
        #expect(rig.exchange.active == [] && rig.machine.ledger.isEmpty)
        rig.run(7200)
        #expect(rig.connects == 1 && rig.closes == [])
        rig.acquire(["S2"])
        rig.run(1)
        #expect(rig.receiving == ["S2"] && rig.connects == 1)
        // Lost while idle: it comes back by itself with the next holder.
        rig.release("S2")
        rig.run(10)
        rig.lose("idle cut")
        rig.run(100)
        #expect(rig.connects == 1)
        rig.acquire(["S3"])
        rig.run(1)
        #expect(rig.receiving == ["S3"] && rig.connects == 2)
    }

    @Test("a server that accepts, acknowledges and drops is not hammered")
    func flapping() {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        let start = rig.now
        while rig.now < start + .seconds(300) {
            rig.run(0.2)
            if rig.isConnected { rig.lose("flap") }
        }
        #expect((8...60).contains(rig.connects), "\(rig.connects)")
    }

    @Test(
        "the loss of a connection that had lasted is made good at once, the next ones are waited for",
        arguments: 1...10
    )
    func firstLoss(seed: UInt64) {
        var rig = FeedRig(seed: seed)
        rig.acquire(["S1"])
        rig.run(31)
        rig.isUp = false
        rig.lose("reset")
        let first = rig.machine.deadline - rig.now
        #expect(first <= .milliseconds(20))
        rig.run(Double(first.nanoseconds) / 1e9 + 0.001)
        #expect(rig.connects == 2)
        rig.run(600)
        #expect((5...80).contains(rig.connects), "backed off")
    }

    @Test("a released symbol's troubles are forgotten")
    func releasedWhileSilent() {
        var rig = FeedRig()
        rig.acquire(["S1", "S2", "S7"])
        rig.run(5)
        rig.mute = ["S7"]
        rig.run(12)
        rig.release("S7")
        rig.run(30)
        #expect(rig.closes == [])
        rig.acquire(["S7"])
        rig.run(11.5)
        #expect(rig.closes == [], "it gets its own chance of a new subscription first")
    }

    @Test("stopped: nothing rings, nothing connects, whatever comes", arguments: 1...20)
    func stops(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = FeedRig(seed: seed)
        rig.acquire(["S1", "S2"])
        rig.isUp = random.chance(2)
        rig.run(Double(random.below(40)))
        var actions: [FeedRig.Action] = []
        rig.machine.stop(actions: &actions)
        #expect(actions == [.close(reason: "shutting down")])
        actions = []
        for _ in 0..<50 {
            rig.now = rig.now + .seconds(Int64(random.below(20)))
            switch random.below(5) {
            case 0: _ = rig.machine.acquire("S3", now: rig.now, actions: &actions)
            case 1: rig.machine.release(0, now: rig.now, actions: &actions)
            case 2: rig.machine.granted(now: rig.now, actions: &actions)
            case 3: rig.machine.opened(now: rig.now, actions: &actions)
            default: rig.machine.tick(now: rig.now, actions: &actions)
            }
            #expect(actions == [])
            #expect(rig.machine.deadline == .distantFuture)
        }
        rig.machine.closed(reason: "bye", now: rig.now, actions: &actions)
        #expect(actions == [] && rig.machine.deadline == .distantFuture)
    }

    @Test("random faults: afterwards every held symbol delivers", arguments: 1...15)
    func faults(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = FeedRig(seed: seed)
        var held: Set<String> = []
        for _ in 0..<120 {
            switch random.below(9) {
            case 0, 1:
                let symbol = random.pick(Self.fifty)
                if held.insert(symbol).inserted { rig.acquire([symbol]) }
            case 2:
                if let symbol = held.sorted().randomElement(using: &random) {
                    held.remove(symbol)
                    rig.release(symbol)
                }
            case 3: if rig.isConnected { rig.lose("reset") }
            case 4: rig.isUp.toggle()
            case 5:
                if let topic = rig.exchange.active.sorted().randomElement(using: &random) {
                    rig.exchange.active.remove(topic)
                }
            case 6: if let symbol = held.sorted().randomElement(using: &random) { rig.mute.insert(symbol) }
            case 7: rig.mute = []
            default: rig.run(Double(random.below(30)))
            }
        }
        rig.isUp = true
        rig.mute = []
        rig.run(120)
        #expect(Set(rig.receiving) == held)
        #expect(Set(rig.exchange.active) == Set(held.map { "tickers.\($0)" }))
        for symbol in held { #expect(rig.machine.symbols.slot(of: symbol).map { rig.machine.isStale($0) } == false) }
        for (symbol, marks) in rig.marks {
            let values = marks.compactMap { Int($0) }
            #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 }, "\(symbol)'s marks went back")
        }
    }
}
