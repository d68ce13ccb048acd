/// One leg's history as the exchange made it, and how much of it its reader was told.
///
/// Every event has to be the next thing that happened, or the net of several if what it leaves out fell into a time in
/// which the account could not hear. A state is told once; causes follow from the state told before.
final class LegAudit {
    /// What the exchange held from `time` on. Rows that changed nothing add their stamps.
    private struct State {
        let values: LegState
        let time: Int64
        let openTime: Int64
        var stamps: [RowStamp]
    }

    private static let kept = 24

    private var states = [State(values: .flat, time: .min, openTime: 0, stamps: [])]
    /// How many states were forgotten: places count from the beginning.
    private var forgotten = 0
    private var told = 0
    /// When a close was told that is no row of its own: a sweep did not list the leg, or showed that it was opened anew.
    private var goneSince: Int64?
    /// When the reader last heard anything new of the leg.
    private(set) var lastSign: Int64
    /// What was complained about already.
    var complainedSign: Int64?
    var lastMark: (cs: Int64, price: Int64)?

    init(watchedFrom start: Int64) {
        self.lastSign = start
    }

    private subscript(_ place: Int) -> State { self.states[place - self.forgotten] }
    private var last: Int { self.forgotten + self.states.count - 1 }
    private var toldValues: LegState { self.goneSince != nil ? .flat : self[self.told].values }
    /// Whether the reader believes that the position is there.
    var isToldOpen: Bool { self.toldValues.isOpen }
    var isOpen: Bool { self[self.last].values.isOpen }

    // MARK: Truth

    func add(_ values: LegState, _ stamp: RowStamp, openTime: Int64, time: Int64) {
        let values = values.normalized
        if values == self[self.last].values {
            if self.states[self.states.count - 1].stamps.last != stamp {
                self.states[self.states.count - 1].stamps.append(stamp)
            }
            return
        }
        self.states.append(State(values: values, time: time, openTime: openTime, stamps: [stamp]))
        let surplus = self.told - self.forgotten - Self.kept
        if surplus > Self.kept {
            self.states.removeFirst(surplus)
            self.forgotten += surplus
        }
    }

    // MARK: Events

    /// - Parameters:
    ///   - isExcused: whether a row of that time could not be heard.
    func judge(
        _ event: SoakEvent,
        isExcused: (Int64) -> Bool,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        if event.kind == .resync {
            self.judgeResync(event, isExcused, complain)
        } else if event.cause == "closed" {
            self.judgeClose(event, isExcused, complain)
        } else {
            self.judgeChange(event, isExcused, complain)
        }
    }

    /// Where the event's state is in the history: behind what was told, if it is there.
    private func find(_ event: SoakEvent) -> Int? {
        func fits(_ place: Int) -> Bool {
            self[place].values == event.state && self[place].stamps.contains(event.stamp)
        }
        if self.told < self.last, let next = (self.told + 1...self.last).first(where: fits) { return next }
        return (self.forgotten...self.told).last(where: fits)
    }

    private func judgeChange(
        _ event: SoakEvent,
        _ isExcused: (Int64) -> Bool,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        guard let place = self.find(event) else {
            complain(.invented, "no row of the exchange says \(event.state.text), seq \(event.stamp.seq)")
            return
        }
        if place > self.told {
            if self.cause(from: self.told, to: place) != event.cause {
                let right = self.cause(from: self.told, to: place) ?? "nothing"
                complain(.wrongCause, "\(right) is right, from \(self.toldValues.text) to \(event.state.text)")
            }
            self.tell(place, event, isExcused, complain)
        } else if place < self.told, self.sharesStamp(place), isExcused(self[place].time) {
            // Rows that overtook each other, and nothing in them says so.
            self.told = place
        } else {
            complain(place == self.told ? .doubled : .outOfOrder, "told before: \(event.state.text)")
        }
    }

    private func sharesStamp(_ place: Int) -> Bool {
        self[place].stamps.contains { self[self.told].stamps.contains($0) }
    }

    private func judgeClose(
        _ event: SoakEvent,
        _ isExcused: (Int64) -> Bool,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        if let place = self.find(event), place > self.told {
            if !self.isToldOpen { complain(.wrongCause, "nothing was open") }
            self.tell(place, event, isExcused, complain)
            return
        }
        guard self.isToldOpen else {
            complain(.doubled, "closed before")
            return
        }
        // A sweep showed it: the event has the stamps of the row before. Which close it was the next event will tell.
        let open = self[self.told]
        let later = self.told < self.last ? Array(self.told + 1...self.last) : []
        let hasEnded = later.contains { place in
            let state = self[place]
            return state.time <= event.emitted + 1_000 && (!state.values.isOpen || state.openTime > open.openTime)
        }
        if !hasEnded { complain(.invented, "the exchange never closed \(open.values.text)") }
        self.goneSince = event.emitted
    }

    private func judgeResync(
        _ event: SoakEvent,
        _ isExcused: (Int64) -> Bool,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        guard let place = self.find(event) else {
            complain(.invented, "no row of the exchange says \(event.state.text), seq \(event.stamp.seq)")
            return
        }
        if place > self.told {
            if self[place].values != self.toldValues {
                complain(.lost, "the daemon knew \(event.state.text); the last that was told: \(self.toldValues.text)")
                self.told = place
                self.goneSince = nil
            } else {
                self.tell(place, event, isExcused, complain)
            }
        } else if place < self.told {
            complain(.outOfOrder, "the newest that was told is \(self.toldValues.text)")
        }
    }

    /// The state at `place` is told now. Everything in between that was a change is left out.
    private func tell(
        _ place: Int,
        _ event: SoakEvent,
        _ isExcused: (Int64) -> Bool,
        _ complain: (SoakProblem.Kind, String) -> Void
    ) {
        var isGone = self.goneSince != nil
        for skipped in self.told + 1..<place {
            if isGone, !self[skipped].values.isOpen {
                isGone = false
                continue
            }
            if isExcused(self[skipped].time) { continue }
            // What brings the leg back to where its reader thinks it is was no news after a gap.
            let follows = skipped - 1 > self.told && isExcused(self[skipped - 1].time)
            if follows, self[skipped].values == self.toldValues { continue }
            complain(.lost, "\(self[skipped].values.text), at \(self[skipped].time), \(event.emitted) told instead")
        }
        self.told = place
        self.goneSince = nil
    }

    private func cause(from place: Int, to next: Int) -> String? {
        let after = self[next]
        let before = place == self.told ? self.toldValues : self[place].values
        guard before.isOpen else { return after.values.isOpen ? "opened" : nil }
        if !after.values.isOpen { return "closed" }
        if before.side != after.values.side { return "flipped" }
        // One that was closed and opened again has to be told as two.
        if after.openTime > self[place].openTime { return "closed, opened" }
        if before.size != after.values.size { return before.size < after.values.size ? "increased" : "reduced" }
        return before == after.values ? nil : "amended"
    }

    // MARK: Time

    /// Since when the reader's picture has been another than the exchange's; nil if it is the same.
    func untoldSince(upTo place: Int? = nil) -> Int64? {
        let end = place ?? self.last
        guard end > self.told, self[end].values != self.toldValues else { return nil }
        var start = end
        while start - 1 > self.told, self[start - 1].values != self.toldValues { start -= 1 }
        return self[start].time
    }

    /// How late an event is with its news.
    func lateness(of event: SoakEvent) -> Int64 {
        guard event.kind == .lifecycle, let place = self.find(event), let since = self.untoldSince(upTo: place) else {
            return 0
        }
        return max(0, event.emitted - since)
    }

    /// The longest time since the last sign of life in which the position was open and had a mark that was not told.
    /// - Parameter firstMark: the time of the first mark that the exchange published after a moment.
    func unwatched(until end: Int64, firstMark: (Int64) -> Int64?) -> Int64 {
        var longest: Int64 = 0
        var openFrom: Int64?
        func finish(at end: Int64) {
            if let start = openFrom, let mark = firstMark(start), mark < end { longest = max(longest, end - mark) }
            openFrom = nil
        }
        var place = self.told
        while place < self.last, self[place + 1].time <= self.lastSign { place += 1 }
        if self[place].values.isOpen { openFrom = self.lastSign }
        while place < self.last, self[place + 1].time <= end {
            place += 1
            if !self[place].values.isOpen {
                finish(at: self[place].time)
            } else if openFrom == nil {
                openFrom = max(self[place].time, self.lastSign)
            }
        }
        finish(at: end)
        return longest
    }

    func sign(at time: Int64) {
        self.lastSign = max(self.lastSign, time)
    }

    /// Changes of the exchange up to `time` that nobody was told.
    func untold(upTo time: Int64) -> String? {
        var place = self.last
        while place > self.told, self[place].time > time { place -= 1 }
        guard place > self.told, self[place].values != self.toldValues else { return nil }
        return "\(self[place].values.text) since \(self[place].time); the last that was told: \(self.toldValues.text)"
    }
}
