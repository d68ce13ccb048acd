/// What the private socket says of positions, merged into the books.
extension HybridStream {
    func received(_ rows: [Position], now: Uptime) {
        if let watcher = self.watcher {
            for row in rows { watcher.streamRow(row, now: now) }
        }
        if self.machine.isBuffering {
            if self.buffer.count + rows.count > Self.maxBufferedRows {
                self.bufferOverflowed = true
            } else {
                for row in rows { self.buffer.append((row, now)) }
            }
            return
        }
        let wallTime = self.wallTime
        for row in rows { self.merge(row, wallTime: wallTime, now: now) }
        self.askIfInDoubt()
    }

    /// Consumers get what the stream drives; its own view gets everything.
    private func merge(_ row: Position, wallTime: Int64, now: Uptime) {
        self.shadow?.receive(row, wallTime: wallTime, now: now)
        if self.drive.streams(row.key.symbol) { self.tracker.receive(row, wallTime: wallTime, now: now) }
    }

    func batchEnded() { self.observer.batchCompleted() }

    private func askIfInDoubt() {
        let isShadowInDoubt = self.shadow?.takeDoubt() ?? false
        if isShadowInDoubt { self.shadowSweepDue = min(self.shadowSweepDue, self.now) }
        guard self.tracker.takeDoubt() || isShadowInDoubt else { return }
        self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
    }

    func releaseBuffer() {
        let rows = self.buffer
        self.buffer = []
        let wallTime = self.wallTime
        for (row, arrival) in rows { self.merge(row, wallTime: wallTime, now: arrival) }
        self.observer.batchCompleted()
        self.askIfInDoubt()
        if self.bufferOverflowed {
            self.bufferOverflowed = false
            self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
        }
    }

    /// Counted always, told once per kind and text until a whole sweep has made it good.
    func reportOnce(_ code: String, _ text: String) {
        self.hasUnread = true
        self.errors.add(self.now)
        guard self.reported[code, default: []].count < Self.maxReports,
            self.reported[code, default: []].insert(text).inserted
        else { return }
        self.logger.warning("\(text)", metadata: ["account": "\(self.account.name)", "code": "\(code)"])
        self.observer.streamAlert(code: code, symbol: "", text: text)
    }

    func resolveReports() {
        for code in self.reported.keys.sorted() { self.observer.streamAlertResolved(code: code) }
        self.reported = [:]
    }
}
