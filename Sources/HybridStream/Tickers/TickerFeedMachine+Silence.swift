/// Who delivers nothing, what is done about it, and where marks come from meanwhile.
extension TickerFeedMachine {
    /// What is known of the silence of held topics.
    struct Silence: Sendable {
        /// When a held topic was last known good or asked for; silence counts from here.
        var watchedSince: [Int: Uptime] = [:]
        /// Since when somebody holds the topic.
        var heldSince: [Int: Uptime] = [:]
        /// Silent topics that were subscribed anew; cleared when data comes.
        var resubscribed: Set<Int> = [] { didSet { self.look() } }
        /// Topics that stayed silent even so and cost a connection, with the time of their next try. While others deliver
        /// they do not cost another one. Cleared when data comes.
        var hopeless: [Int: Uptime] = [:] { didSet { self.look() } }
        /// Asked for every frame.
        private(set) var hasSuspects = false
        /// Topics whose newest mark may have been in a frame that could not be read. Other frames prove that they live,
        /// not that the mark is true. Cleared by the next mark.
        var doubted: Set<Int> = [] { didSet { self.look() } }
        var nextCheck = Uptime.distantFuture
        var nextPoll = Uptime.distantPast
        var isPolling = false

        private mutating func look() {
            self.hasSuspects = !self.resubscribed.isEmpty || !self.hopeless.isEmpty || !self.doubted.isEmpty
        }

        func isDoubted(_ slot: Int) -> Bool { self.hasSuspects && self.doubted.contains(slot) }

        /// Nobody holds it any more.
        mutating func forget(_ slot: Int) {
            self.watchedSince[slot] = nil
            self.heldSince[slot] = nil
            self.doubted.remove(slot)
        }
    }

    /// Who has never had a mark asks REST after this.
    static let firstMarkPatience = Duration.seconds(2)

    /// How often a topic that nothing has helped is subscribed anew.
    static let hopelessRetry = Duration.seconds(60)

    /// What REST said of a symbol.
    public struct PolledMark: Equatable, Sendable {
        public var slot: Int
        public var price: FixedPoint
        /// Milliseconds since 1970 by the exchange's clock.
        public var exchangeTime: Int64

        public init(slot: Int, price: FixedPoint, exchangeTime: Int64) {
            self.slot = slot
            self.price = price
            self.exchangeTime = exchangeTime
        }
    }

    @inline(never)
    mutating func speaksAgain(_ slot: Int, hasMark: Bool) {
        if hasMark { self.silence.doubted.remove(slot) }
        self.silence.resubscribed.remove(slot)
        self.silence.hopeless[slot] = nil
    }

    /// A topic that had been given up delivers again, and only a new subscription makes sense of it.
    @inline(never)
    mutating func speaksWithoutSnapshot(_ slot: Int) {
        guard let retry = self.silence.hopeless[slot], let since = self.silence.watchedSince[slot] else { return }
        self.silence.hopeless[slot] = min(retry, since + self.settings.staleAfter)
    }

    mutating func scheduleSilenceCheck(now: Uptime) {
        if self.silence.nextCheck == .distantFuture { self.silence.nextCheck = now + self.silenceInterval }
    }

    /// Often enough that silence is found within a tenth more than `staleAfter`.
    private var silenceInterval: Duration { max(.milliseconds(50), self.settings.staleAfter / 10) }

    /// Finds held symbols without a usable frame. One that is silent alone is subscribed anew, which brings a snapshot;
    /// if all are, or one stays silent after that, the connection is given up; for one and the same symbol only once.
    /// Whatever comes of it, REST is asked for their marks until they speak again.
    mutating func checkSilence(now: Uptime, actions: inout [Action]) {
        let held = self.ledger.held
        guard !held.isEmpty else {
            self.silence.nextCheck = .distantFuture
            return
        }
        self.silence.nextCheck = now + self.silenceInterval
        var silent: [Int] = []
        var unheard: [Int] = []
        var watched = 0
        var newest = self.liveSince ?? now
        for slot in held {
            let last = self.book.lastFrame(slot)
            self.judgeStaleness(slot, lastFrame: last, now: now, &actions)
            if self.ledger.isQuarantined(slot) {
                unheard.append(slot)
                continue
            }
            watched += 1
            if let last {
                newest = max(newest, last)
                let isSilent = now - last >= self.settings.staleAfter
                if isSilent || self.silence.doubted.contains(slot) { unheard.append(slot) }
                if !isSilent { continue }
            } else {
                let since = self.silence.heldSince[slot] ?? now
                if now - since >= Self.firstMarkPatience { unheard.append(slot) }
                if now - since >= self.settings.staleAfter { self.lost(slot, since: since, reason: "no ticker yet") }
            }
            // A connection or subscription gets the whole time before its silence is held against it.
            if now - (self.silence.watchedSince[slot] ?? .distantPast) >= self.settings.staleAfter {
                silent.append(slot)
            }
        }
        self.poll(unheard, now: now, &actions)
        let isDead = now - newest >= self.settings.staleAfter
        self.dispel(silent, of: watched, isDead: isDead, now: now, &actions)
    }

    /// A mark is stale once neither a frame nor REST has confirmed it for `staleAfter`.
    private mutating func judgeStaleness(_ slot: Int, lastFrame: Uptime?, now: Uptime, _ actions: inout [Action]) {
        guard !self.staleSlots[slot] else { return }
        let isDoubted = self.silence.doubted.contains(slot)
        guard let newest = isDoubted ? self.book.mark(slot)?.receivedUptime : self.book.lastWord(slot),
            now - newest >= self.settings.staleAfter
        else { return }
        self.staleSlots[slot] = true
        actions.append(.stale(slot: slot))
        self.lost(slot, since: lastFrame ?? newest, reason: "no ticker for \(self.settings.staleAfter)")
    }

    /// - Parameter isDead: no symbol at all has delivered for `staleAfter`, some of them perhaps after a new subscription.
    private mutating func dispel(
        _ silent: [Int],
        of watched: Int,
        isDead: Bool,
        now: Uptime,
        _ actions: inout [Action]
    ) {
        guard self.isLive, !silent.isEmpty else { return }
        if isDead, watched > 1 {
            self.close("no ticker of \(watched) symbols within \(self.settings.staleAfter)", &actions)
            return
        }
        for slot in silent {
            if let retry = self.silence.hopeless[slot], silent.count < watched {
                if now < retry { continue }
                self.silence.hopeless[slot] = now + Self.hopelessRetry
            } else if self.silence.resubscribed.contains(slot) {
                self.silence.hopeless[slot] = now + Self.hopelessRetry
                self.close("\(self.symbols.symbols[slot]) stayed silent after a new subscription", &actions)
                return
            }
            if let message = self.ledger.resubscribe(slot, now: now) {
                self.silence.resubscribed.insert(slot)
                self.silence.watchedSince[slot] = now
                self.book.subscriptionEnded(slot)
                actions.append(.send(self.text(of: message)))
            }
        }
    }

    // MARK: Marks over REST

    private mutating func poll(_ slots: [Int], now: Uptime, _ actions: inout [Action]) {
        guard !slots.isEmpty, !self.silence.isPolling, now >= self.silence.nextPoll else { return }
        self.silence.isPolling = true
        actions.append(.poll(slots: slots))
    }

    /// The answer to ``Action/poll(slots:)``; empty if REST had none.
    public mutating func polled(
        _ marks: [PolledMark],
        wallTime: Int64,
        now: Uptime,
        actions: inout [Action]
    ) {
        self.silence.isPolling = false
        self.silence.nextPoll = now + self.settings.pollInterval
        for mark in marks where self.ledger.isHeld(mark.slot) && mark.price.isPositive {
            let isDoubted = self.silence.doubted.remove(mark.slot) != nil
            // Whoever has spoken meanwhile knows better.
            let isSilent = self.book.lastFrame(mark.slot).map { now - $0 >= self.settings.staleAfter } ?? true
            guard isSilent || isDoubted,
                self.book.merge(
                    polled: mark.price,
                    exchangeTime: mark.exchangeTime,
                    slot: mark.slot,
                    wallTime: wallTime,
                    now: now
                )
            else { continue }
            self.staleSlots[mark.slot] = false
            actions.append(.polledMark(slot: mark.slot))
        }
        self.tick(now: now, actions: &actions)
    }
}
