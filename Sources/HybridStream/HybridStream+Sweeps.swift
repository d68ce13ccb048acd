/// Listings of the account's positions: asked for, and merged into the books.
extension HybridStream {
    func sweep() {
        self.hasUnread = false
        let urgent = self.machine.isBuffering || self.tracker.book.openCount > 0
        self.run { stream in
            let result = await stream.services.rest.sweep(
                stream.account,
                category: stream.settings.category,
                settleCoins: stream.settings.settleCoins,
                isUrgent: urgent
            )
            return { stream in stream.swept(result) }
        }
    }

    private func swept(_ sweep: PositionSweep) {
        if self.machine.state == .stopped { return }
        let now = self.now
        var outcome = PositionBook.Reconciliation()
        var streamOutcome: PositionBook.Reconciliation?
        if sweep.isUsable {
            self.watcher?.streamSwept(sweep, now: now)
            let isWanted =
                self.machine.isBuffering || sweep.requestedUptime >= self.shadowSweepDue
                || now < self.shadowSettlesUntil || self.machine.awaitsConfirmation
            // What was heard while the sweep was under way comes first. The other way round a leg that the sweep no longer
            // lists would be closed, and opened again by a row from before its close.
            if self.machine.isBuffering { self.releaseBuffer() }
            let listing = PositionBook.Listing(
                rows: sweep.rows,
                coversAll: sweep.isComplete,
                isOneMoment: sweep.isOneMoment,
                requested: sweep.requestedUptime,
                serverTime: sweep.serverTime
            )
            outcome = self.tracker.reconcile(
                listing,
                isListening: self.machine.isListening,
                isDriving: self.machine.driver == .hybrid,
                wallTime: self.wallTime,
                now: now
            )
            if outcome.isConclusive { self.lastListing = sweep.requestedUptime }
            if isWanted { streamOutcome = self.reconcileShadow(listing, now: now) }
            if self.shadow == nil || streamOutcome != nil { self.watcher?.streamMerged(now: now) }
            for refusal in sweep.refused { self.reportOnce("position_row_refused", refusal) }
            self.unreadableRows = sweep.refused.count
            // All that could not be read is known from this sweep.
            if sweep.refused.isEmpty, !self.hasUnread { self.resolveReports() }
        } else {
            self.errors.add(now)
        }
        if let failure = sweep.failure, failure.isPermanentForAccount || failure.category == .permission {
            self.step { machine, now, actions in
                machine.accountRefused("\(failure)", now: now, actions: &actions)
            }
            return
        }
        self.step { machine, now, actions in
            machine.sweepFinished(
                isUsable: sweep.isUsable,
                isConclusive: outcome.isConclusive,
                isStreamConclusive: self.shadow == nil ? nil : streamOutcome?.isConclusive ?? false,
                followUp: [outcome.followUp, streamOutcome?.followUp, self.hurry(outcome)].compactMap { $0 }.min(),
                isDeaf: outcome.isDeaf || streamOutcome?.isDeaf ?? false,
                failure: sweep.failure.map { "\($0)" },
                now: now,
                actions: &actions
            )
        }
        self.observer.batchCompleted()
    }

    /// Whoever waits for REST to take over is not kept waiting by a row that came just after a listing.
    private func hurry(_ outcome: PositionBook.Reconciliation) -> Duration? {
        self.preparing == nil || outcome.isConclusive ? nil : PositionBook.confirmationPause
    }
}
