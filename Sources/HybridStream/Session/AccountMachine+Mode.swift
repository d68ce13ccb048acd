extension AccountMachine {
    /// Takes another mode from now on. Whoever calls it has seen to it that the source which is to drive is there.
    ///
    /// Without a stream the socket is closed with 1000; with one, where there was none, a connection is asked for.
    /// - Parameter obstacle: why the stream that is to drive cannot after all. REST stands in for it from the start then.
    public mutating func change(
        to mode: Mode,
        obstacle: String? = nil,
        now: Uptime,
        actions: inout [Action]
    ) {
        guard mode != self.settings.mode || obstacle != nil, self.phase != .stopped else { return }
        if mode != self.settings.mode { self.take(mode, now: now, &actions) }
        if let obstacle, mode.isStreamed, self.state != .failed {
            self.fallBack(obstacle, now: now, &actions)
        } else if self.state != .starting, self.state != .failed {
            self.judgeChange(now: now, &actions)
        }
        self.tick(now: now, actions: &actions)
    }

    private mutating func take(_ mode: Mode, now: Uptime, _ actions: inout [Action]) {
        let old = self.settings.mode
        self.changeIntervals(now: now) { machine in
            machine.settings.mode = mode
            if !mode.isStreamed { machine.driver = .rest } else if !old.isStreamed { machine.driver = .hybrid }
        }
        if !mode.isStreamed { self.gap = nil }
        if !old.hasStream {
            self.deadSince = now
            if self.phase == .polling {
                self.phase = .queued
                actions.append(.requestConnection)
            } else if self.phase == .closing {
                // Its end is followed by an attempt at a new one.
                self.backoff.reset()
            }
        } else if !mode.hasStream {
            self.leaveStream(&actions)
        }
        self.sweeps.request(by: now + self.sweepInterval)
    }

    /// How often REST is asked while it is polled.
    public mutating func setPollInterval(_ interval: Duration, now: Uptime, actions: inout [Action]) {
        guard interval != self.settings.pollInterval else { return }
        self.changeIntervals(now: now) { $0.settings.pollInterval = interval }
        if self.wantsSweeps { self.sweeps.request(by: now + self.sweepInterval) }
        self.tick(now: now, actions: &actions)
    }

    /// Sweeps that come more often from now on are not missed before they could come. Those that were missed already stay so.
    private mutating func changeIntervals(now: Uptime, _ change: (inout AccountMachine) -> Void) {
        let (overdue, doubtful) = (self.overdueLimit, self.doubtfulLimit)
        change(&self)
        self.notOverdueBefore = min(overdue, now + self.overdueAfter)
        self.notDoubtfulBefore = min(doubtful, now + self.doubtfulAfter)
    }

    private mutating func leaveStream(_ actions: inout [Action]) {
        self.heartbeat = nil
        self.liveSince = nil
        self.deadSince = nil
        self.authFailed = false
        self.isConfirmed = false
        if self.phase == .bootstrapping { actions.append(.releaseBuffer) }
        switch self.phase {
        case .connecting, .authenticating, .subscribing, .bootstrapping, .live:
            self.phase = .closing
            self.isLeaving = true
            actions.append(.close(code: 1000, reason: "the stream is not needed any more"))
        case .waiting, .queued:
            self.phase = .polling
        case .idle, .checkingKey, .failed, .polling, .closing, .stopped:
            break
        }
    }

    private mutating func judgeChange(now: Uptime, _ actions: inout [Action]) {
        if self.settings.mode.isStreamed, self.driver == .hybrid, self.phase != .live {
            return self.changeState(to: .degraded, self.lastError ?? "the stream is not up yet", &actions)
        }
        self.judge(failure: nil, now: now, &actions)
    }
}
