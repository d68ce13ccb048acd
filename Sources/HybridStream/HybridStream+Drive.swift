public import NIOCore

/// Why another source could not take over; what drove before still does.
public struct DriveError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Change of what feeds the consumers, make-before-break: the new source is brought up beside the old one, and takes over
/// only when it is known to be good. Both feed one book, in the order of the exchange's own stamps, so that at the change
/// nothing is told twice, nothing is left out, and nothing comes in the wrong order.
extension HybridStream {
    /// A source that is being brought up.
    struct Preparation {
        let target: Drive
        let since: Uptime
        let promise: EventLoopPromise<Void>
        /// Nil once the promise is kept: the source may take over.
        var nextCheck: Scheduled<Void>?
    }

    /// How often it is looked whether the new source is good.
    private static let checkInterval = Duration.milliseconds(20)

    /// Brings up what `target` needs. On the event loop; so are all below.
    ///
    /// The future succeeds when ``take(_:)`` may follow, and fails with a ``DriveError`` if that is not so after `limit`;
    /// then everything is as it was before.
    public func prepare(_ target: Drive, within limit: Duration) -> EventLoopFuture<Void> {
        let promise = self.eventLoop.makePromise(of: Void.self)
        if self.preparing != nil {
            promise.fail(DriveError("another change of the account is under way"))
            return promise.futureResult
        }
        let now = self.now
        self.preparing = Preparation(target: target, since: now, promise: promise)
        if self.shadow == nil, target.isCompared || target.hasStream && !self.drive.hasStream { self.makeShadow() }
        if target.hasStream, !self.drive.hasStream {
            self.change(to: .beside)
        }
        if target.streamsLess(than: self.drive) {
            self.machine.awaitsListing = true
            self.requestSweep()
        }
        self.check(target, deadline: now + limit, limit: limit, promise)
        return promise.futureResult
    }

    private func check(_ target: Drive, deadline: Uptime, limit: Duration, _ promise: EventLoopPromise<Void>) {
        self.preparing?.nextCheck = nil
        guard let obstacle = self.obstacle(to: target) else { return promise.succeed() }
        if self.now >= deadline || self.machine.state == .stopped {
            self.giveUp()
            let text = "not within \(limit): \(obstacle)"
            return promise.fail(DriveError(self.machine.state == .stopped ? obstacle : text))
        }
        let next = (self.now + Self.checkInterval).deadline
        self.preparing?.nextCheck = self.eventLoop.scheduleTask(deadline: next) { [weak self] in
            guard let self else { return promise.fail(DriveError("the account is gone")) }
            self.check(target, deadline: deadline, limit: limit, promise)
        }
    }

    /// The account is stopped, and its loop may be as well before the next check: who waits is told now.
    func abandonPreparation() {
        guard let preparing = self.preparing, let next = preparing.nextCheck else { return }
        self.preparing = nil
        next.cancel()
        preparing.promise.fail(DriveError("the account has been stopped"))
    }

    /// What keeps `target` from taking over now.
    private func obstacle(to target: Drive) -> String? {
        if self.machine.state == .stopped { return "the account has been stopped" }
        if target.streamsMore(than: self.drive),
            let obstacle = self.streamObstacle(to: target) ?? self.untoldObstacle(to: target)
        {
            return obstacle
        }
        guard target.streamsLess(than: self.drive) else { return nil }
        if let listed = self.lastListing, let since = self.preparing?.since, listed >= since { return nil }
        return "REST has not listed all positions: \(self.machine.lastError ?? "no answer yet")"
    }

    /// What the stream lacks to drive what `target` has it drive.
    private func streamObstacle(to target: Drive) -> String? {
        guard self.machine.isListening, let shadow = self.shadow else {
            let state = self.machine.connectionState.rawValue
            let error = self.machine.lastError ?? "no error"
            return "the private connection does not tell positions yet (\(state)): \(error)"
        }
        for (slot, cell) in shadow.book.cells.enumerated() where cell.position.isOpen {
            let symbol = cell.position.key.symbol
            guard target.streams(symbol), !self.drive.streams(symbol) else { continue }
            if shadow.lacksTicker(slot) { return "there is no fresh ticker of \(symbol)" }
        }
        return nil
    }

    /// What REST has shown and the stream has not told. It may still be on its way.
    private func untoldObstacle(to target: Drive) -> String? {
        guard let shadow = self.shadow else { return nil }
        for position in self.tracker.book.openPositions {
            guard target.streams(position.key.symbol), !self.drive.streams(position.key.symbol) else { continue }
            let slot = shadow.book.slot(of: position.key)
            guard slot.map({ shadow.book.cells[$0].position.seq >= position.seq }) ?? false else {
                return "the stream has not told yet what REST says of \(position.key)"
            }
        }
        return nil
    }

    /// From now on `target` feeds the consumers. Once ``prepare(_:within:)`` has succeeded.
    ///
    /// What has been written down in between may have taken its time. A stream that has died meanwhile takes over all the
    /// same, as it is written, but REST stands in for it at once.
    public func take(_ target: Drive) {
        self.preparing = nil
        self.machine.awaitsListing = false
        guard self.machine.state != .stopped else { return }
        let streamsMore = target.streamsMore(than: self.drive)
        let obstacle = streamsMore ? self.streamObstacle(to: target) : nil
        let isBehind = streamsMore && self.untoldObstacle(to: target) != nil
        if self.machine.isBuffering { self.releaseBuffer() }
        let old = self.drive
        self.drive = target
        let now = self.now
        let wallTime = self.wallTime
        self.tracker.take(target, wallTime: wallTime, now: now)
        if let shadow = self.shadow {
            for cell in shadow.book.cells {
                let symbol = cell.position.key.symbol
                guard target.streams(symbol), !old.streams(symbol) else { continue }
                self.tracker.receive(cell.position, wallTime: wallTime, now: now)
            }
        }
        self.dropShadow()
        self.change(to: target.mode, obstacle: obstacle)
        // Polling may have ended with this: what the stream has not told by then is asked for once more.
        if isBehind { self.requestSweep() }
        self.withdraw()
        self.batchEnded()
    }

    private func change(to mode: AccountMachine.Mode, obstacle: String? = nil) {
        self.step { machine, now, actions in
            machine.change(to: mode, obstacle: obstacle, now: now, actions: &actions)
        }
        // What a gap has cost that nobody waits for the end of is no part of the next one.
        if !self.machine.hasGap { self.gap = nil }
    }

    /// Undoes ``prepare(_:within:)``.
    public func giveUp() {
        self.preparing = nil
        self.machine.awaitsListing = false
        self.dropShadow()
        guard self.machine.state != .stopped else { return }
        self.change(to: self.drive.mode)
        self.withdraw()
    }

    /// Nothing is told any more, to anybody; the connection and the tickers stay until ``stop()``.
    public func freeze() {
        self.tracker.freeze()
        self.shadow?.freeze()
        self.watcher = nil
    }

    /// How often REST is asked while it is polled: the more accounts there are, the less often.
    public func setPollInterval(_ interval: Duration) {
        self.step { machine, now, actions in machine.setPollInterval(interval, now: now, actions: &actions) }
    }

    /// A connection that is not needed any more does not wait for its turn.
    private func withdraw() {
        guard self.machine.mode == .rest, let ticket = self.ticket else { return }
        self.services.gate.cancel(ticket)
        self.ticket = nil
    }

    // MARK: Shadow

    func makeShadow() {
        let shadow = PositionTracker(hub: self.hub, observer: self.shadowUpdates)
        self.shadow = shadow
        // Else the next sweep fills it.
        self.shadowSweepDue = .distantPast
        guard self.drive.hasStream, self.machine.isListening else { return }
        let (now, wallTime) = (self.now, self.wallTime)
        for cell in self.tracker.book.cells { shadow.receive(cell.position, wallTime: wallTime, now: now) }
        self.shadowSettlesUntil = now + PositionBook.absenceGrace * 2
    }

    private func dropShadow() {
        guard !self.drive.isCompared else { return }
        self.shadow?.releaseAll()
        self.shadow = nil
    }

    /// The stream's own book hears of sweeps only as often as a stream without polling would, so that it can be compared.
    func reconcileShadow(_ listing: PositionBook.Listing, now: Uptime) -> PositionBook.Reconciliation? {
        guard let shadow = self.shadow, self.machine.mode.hasStream else { return nil }
        let outcome = shadow.reconcile(
            listing,
            isListening: self.machine.isListening,
            wallTime: self.wallTime,
            now: now
        )
        // As after any connect a second one follows; see ``AccountMachine/sweepFinished``.
        if self.machine.isBuffering { self.shadowSettlesUntil = now + PositionBook.absenceGrace * 2 }
        let pause = self.machine.reconcileInterval
        self.shadowSweepDue = now + min(pause, outcome.followUp ?? pause)
        return outcome
    }
}
