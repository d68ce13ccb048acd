extension AccountMachine {
    public var deadline: Uptime {
        var earliest = min(self.wantsSweeps ? self.sweeps.deadline : .distantFuture, self.doubtfulAt, self.overdueAt)
        if let heartbeat = self.heartbeat { earliest = min(earliest, heartbeat.deadline) }
        switch self.phase {
        case .waiting(let until), .failed(let until): earliest = min(earliest, until)
        case .connecting(let deadline), .authenticating(let deadline), .subscribing(let deadline):
            earliest = min(earliest, deadline)
        case .idle, .checkingKey, .polling, .queued, .bootstrapping, .live, .closing, .stopped: break
        }
        if self.settings.mode.isStreamed, self.phase != .stopped, self.state != .failed {
            if self.driver == .hybrid, let dead = self.deadSince {
                earliest = min(earliest, dead + self.settings.fallbackAfter)
            }
            if self.driver == .rest, let live = self.liveSince { earliest = min(earliest, self.takesOverAt(live)) }
        }
        return earliest
    }

    public mutating func tick(now: Uptime, actions: inout [Action]) {
        self.tickConnection(now: now, actions: &actions)
        self.tickDriver(now: now, actions: &actions)
        self.tickConfirmation(now: now, actions: &actions)
        if self.wantsSweeps, self.sweeps.start(now: now) { actions.append(.sweep) }
    }

    private mutating func tickConnection(now: Uptime, actions: inout [Action]) {
        switch self.phase {
        case .waiting(let until):
            if now >= until {
                self.phase = .queued
                actions.append(.requestConnection)
            }
        case .failed(let retryAt):
            if now >= retryAt {
                self.phase = .checkingKey
                actions.append(.checkKey)
            }
        case .connecting(let deadline):
            if now >= deadline { self.close("no connection within \(self.settings.connectTimeout)", &actions) }
        case .authenticating(let deadline):
            if now >= deadline { self.close("no answer to auth within \(self.settings.authTimeout)", &actions) }
        case .subscribing(let deadline):
            if now >= deadline {
                self.failedSubscriptions += 1
                self.close("no answer to subscribe within \(self.settings.authTimeout)", &actions)
            }
        case .idle, .checkingKey, .polling, .queued, .bootstrapping, .live, .closing, .stopped:
            break
        }
        guard var heartbeat = self.heartbeat else { return }
        let verdict = heartbeat.check(now: now)
        self.heartbeat = heartbeat
        switch verdict {
        case .none: break
        case .ping:
            self.pings += 1
            actions.append(.send(OperationRequest.ping(requestID: "p\(self.pings)")))
        case .dead:
            self.close("no answer to a ping within \(self.settings.pongTimeout)", &actions)
        }
    }

    private var overdueAt: Uptime {
        self.phase == .stopped || self.isOverdue ? .distantFuture : self.overdueLimit
    }

    private var doubtfulAt: Uptime { self.state == .live ? self.doubtfulLimit : .distantFuture }

    /// When marks that REST brought are too old: three polls were due since.
    var overdueLimit: Uptime {
        guard self.settings.mode != .hybrid, let confirmedAt = self.confirmedAt else { return .distantFuture }
        return max(confirmedAt + self.overdueAfter, self.notOverdueBefore)
    }

    /// When a live account is degraded because no sweep has confirmed it: two were due, and the last had time to come.
    var doubtfulLimit: Uptime {
        guard let confirmedAt = self.confirmedAt else { return .distantFuture }
        return max(confirmedAt + self.doubtfulAfter, self.notDoubtfulBefore)
    }

    var overdueAfter: Duration { self.settings.pollInterval * 3 }
    var doubtfulAfter: Duration { self.sweepInterval * 2 + Self.sweepPatience }

    /// Whether a mark that a sweep brought then is too old to act on: three polls were due since.
    public func isOverdue(markOf time: Uptime, now: Uptime) -> Bool {
        max(time + self.overdueAfter, self.notOverdueBefore) < now
    }

    private mutating func tickConfirmation(now: Uptime, actions: inout [Action]) {
        if now >= self.overdueAt {
            self.isOverdue = true
            actions.append(.listingsOverdue)
        }
        guard now >= self.doubtfulAt else { return }
        self.changeState(to: .degraded, "positions are not confirmed over REST any more: no answer in time", &actions)
    }

    private mutating func tickDriver(now: Uptime, actions: inout [Action]) {
        guard self.settings.mode.isStreamed, self.phase != .stopped, self.state != .failed else { return }
        if self.driver == .hybrid, let dead = self.deadSince, now >= dead + self.settings.fallbackAfter {
            self.fallBack(self.lastError ?? "the stream is not up yet", now: now, &actions)
        } else if self.driver == .rest, let live = self.liveSince, now >= self.takesOverAt(live) {
            self.driver = .hybrid
            self.judge(failure: nil, now: now, &actions)
        }
    }

    /// REST stands in for the stream, until that has been good for a time.
    mutating func fallBack(_ reason: String, now: Uptime, _ actions: inout [Action]) {
        self.driver = .rest
        self.fellBackAt = now
        self.sweeps.request(now: now)
        self.changeState(to: .fallback, "REST drives: \(reason)", &actions)
    }

    /// What was good before REST had to stand in proves nothing.
    private func takesOverAt(_ live: Uptime) -> Uptime { max(live, self.fellBackAt) + Self.takeOverAfter }

    /// Sweeps make sense while something is driven by them or stands to be confirmed.
    var wantsSweeps: Bool {
        switch self.phase {
        case .polling, .bootstrapping, .live: true
        case .idle, .failed, .stopped: false
        case .checkingKey, .waiting, .queued, .connecting, .authenticating, .subscribing, .closing:
            self.settings.mode.isStreamed && self.driver == .rest
                || (self.settings.mode != .hybrid || self.awaitsListing) && self.isAdmitted
        }
    }

    var sweepInterval: Duration {
        self.driver == .rest || self.settings.mode != .hybrid
            ? self.settings.pollInterval : self.settings.reconcileInterval
    }

    mutating func close(_ reason: String, _ actions: inout [Action]) {
        self.phase = .closing
        self.heartbeat = nil
        self.lastError = reason
        actions.append(.close(code: nil, reason: reason))
    }

    mutating func judge(failure: String?, now: Uptime, _ actions: inout [Action]) {
        if self.driver == .rest, self.settings.mode.isStreamed { return }
        let isStreamed = self.settings.mode.isStreamed
        let isUp = isStreamed ? self.phase == .live : self.isAdmitted && self.state != .failed
        guard isUp else { return }
        if isStreamed ? self.isConfirmed : self.isListed, self.sweeps.failures == 0 {
            self.changeState(to: .live, "live", &actions)
        } else if self.sweeps.failures > 0 {
            self.changeState(
                to: isStreamed || self.isListed ? .degraded : self.state,
                "positions could not be listed: \(failure ?? self.lastError ?? "unknown")",
                &actions
            )
        }
    }

    mutating func changeState(to state: State, _ reason: String, _ actions: inout [Action]) {
        self.reason = reason
        if state == self.state { return }
        actions.append(.stateChanged(from: self.state, to: state, reason: reason))
        self.state = state
    }
}
