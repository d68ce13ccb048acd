import HybridStream
import Logging
import NIOCore

/// One enabled account: its stream, its pipeline, its share of the store. What happens here stays here: a failure of one
/// account reaches no other.
///
/// Confined to the account's event loop.
final class AccountSupervisor: @unchecked Sendable {
    let account: StartPlan.Account
    let eventLoop: any EventLoop
    let pipeline: AccountPipeline
    private let loop: PipelineLoop
    private let store: Store
    private let logger: Logger
    private var stream: HybridStream?
    /// Alerts that were opened and not resolved.
    private var openAlerts: Set<String> = []
    /// Held symbols whose ticker the exchange refuses.
    private var quarantined: Set<String> = []
    /// Paths of sinks that cannot write now.
    private var failingSinks: Set<String> = []
    let queues: [EventQueue]
    private var settled: EventLoopPromise<Void>?
    private var isSettled = false

    init(
        account: StartPlan.Account,
        fleetLoop: FleetLoop,
        numbers: NumberLease,
        queues: [EventQueue],
        store: Store,
        logger: Logger
    ) {
        self.account = account
        self.eventLoop = fleetLoop.eventLoop
        self.loop = fleetLoop.pipeline
        self.store = store
        self.logger = logger
        self.queues = queues
        self.pipeline = AccountPipeline(
            account: account.identity.name,
            numbers: numbers,
            loop: fleetLoop.pipeline,
            queues: queues
        )
    }

    var name: String { self.account.identity.name }

    func start(stream: HybridStream, restoring stored: [Position]) {
        self.stream = stream
        stream.start(restoring: stored)
    }

    /// From any thread, once the account is started.
    func stop() async throws {
        try await self.stream?.stop()
    }

    /// Completes when the account has reached its first settled state: live, degraded, in fallback or failed.
    func whenSettled() -> EventLoopFuture<Void> {
        if self.isSettled { return self.eventLoop.makeSucceededVoidFuture() }
        let promise = self.settled ?? self.eventLoop.makePromise()
        self.settled = promise
        return promise.futureResult
    }

    private func settle() {
        self.isSettled = true
        self.settled?.succeed()
        self.settled = nil
    }

    /// The fleet ends: nobody waits for this account any more.
    func abandonWaiting() { self.settle() }

    func sinkChanged(path: String, trouble: SinkTrouble?) {
        if let trouble {
            self.failingSinks.insert(path)
            self.alert("sink_failed", .warning, .opened, symbol: "", "\(trouble)")
        } else if self.failingSinks.remove(path) != nil, self.failingSinks.isEmpty {
            self.alert("sink_failed", .warning, .resolved, symbol: "", "\(path) is written again")
        }
    }

    func tickerQuarantined(_ symbol: String, text: String) {
        guard let stream = self.stream, stream.tracker.book.openPositions.contains(where: { $0.key.symbol == symbol })
        else { return }
        self.quarantined.insert(symbol)
        self.pipeline.onUpdate = { [weak self] update in
            if !update.stale || !update.position.isOpen { self?.tickerRecovered(update.position.key) }
        }
        self.alert(
            "ticker_quarantined",
            .warning,
            .opened,
            symbol: symbol,
            "the exchange refuses the ticker of \(symbol): \(text). The position has no live mark; it is tried again"
        )
    }

    private func tickerRecovered(_ key: PositionKey) {
        guard self.quarantined.remove(key.symbol) != nil else { return }
        if self.quarantined.isEmpty { self.pipeline.onUpdate = nil }
        self.alert(
            "ticker_quarantined",
            .warning,
            .resolved,
            symbol: key.symbol,
            "\(key.symbol): marks flow again, or the position is closed"
        )
    }

    private func alert(
        _ code: String,
        _ severity: PipelineEvent.Alert.Severity,
        _ state: PipelineEvent.Alert.State,
        symbol: String,
        _ text: String
    ) {
        let key = "\(code) \(symbol)"
        switch state {
        case .opened: guard self.openAlerts.insert(key).inserted else { return }
        case .resolved: guard self.openAlerts.remove(key) != nil else { return }
        }
        self.pipeline.emit(
            .alert(PipelineEvent.Alert(code: code, severity: severity, state: state, symbol: symbol, text: text))
        )
        self.loop.batchEnded()
    }
}

extension AccountSupervisor: HybridStreamObserver {
    func streamStateChanged(from old: AccountMachine.State, to new: AccountMachine.State, reason: String) {
        let level: Logger.Level = new == .failed ? .error : new == .live ? .info : .notice
        self.logger.log(
            level: level,
            "account is \(new.rawValue)",
            metadata: ["account": "\(self.name)", "was": "\(old.rawValue)", "reason": "\(reason)"]
        )
        self.pipeline.emit(.accountState(old: old.statusName, new: new.statusName, reason: reason))
        if new == .failed {
            self.alert("account_failed", .critical, .opened, symbol: "", reason)
        } else {
            self.alert("account_failed", .critical, .resolved, symbol: "", reason)
        }
        if new != .starting { self.settle() }
    }

    func positionChanged(_ change: PositionBook.Change) {
        self.store.record(
            account: self.name,
            changes: [change.position.isOpen ? .upsert(change.position) : .close(change.position.key)]
        )
    }

    func streamAlert(code: String, symbol: String, text: String) {
        self.alert(code, .warning, .opened, symbol: symbol, text)
    }

    func batchCompleted() {
        self.loop.batchEnded()
    }
}

extension AccountMachine.State {
    /// The contract's word; a stopped stream is a drained account.
    var statusName: String { self == .stopped ? "drained" : self.rawValue }
}

// MARK: - Status

extension AccountSupervisor {
    /// Takes the account's part of a status report, on its loop.
    /// - Parameter lastFrames: by symbol, when the ticker feed last heard of it.
    func report(includePositions: Bool, lastFrames: [String: Uptime]) -> StatusReport.Account {
        let now = Uptime.now()
        let snapshot = self.stream?.snapshot(includePositions: true)
        let positions = (snapshot?.positions ?? []).map { Self.position($0, lastFrames: lastFrames, now: now) }
        let counts = StatusReport.PositionCounts(of: positions)
        let state: StatusReport.State = snapshot?.state.reportState ?? .starting
        var health = StatusReport.Health.ofAccount(enabled: true, state: state, counts: counts)
        if !self.failingSinks.isEmpty || (snapshot?.unreadableRows ?? 0) > 0 { health = max(health, .degraded) }
        let metrics = self.pipeline.metrics
        var events = StatusReport.Events()
        events.emitted = metrics.emitted
        events.perSecond = metrics.eventsPerSecond
        events.conflated = metrics.conflated
        events.lastAge = metrics.lastEventTime.map { max(0, WallClock.milliseconds() - $0) }
        events.latencyP50 = metrics.latencyP50.map(Int64.init)
        events.latencyP99 = metrics.latencyP99.map(Int64.init)
        let mode = self.account.mode == .rest ? Mode.rest : Mode.hybrid
        return StatusReport.Account(
            name: self.name,
            enabled: true,
            state: state,
            health: health,
            mode: mode.rawValue,
            configuredMode: self.account.configuration.mode.rawValue,
            override: mode == self.account.configuration.mode ? nil : "start --mode \(mode.rawValue)",
            driver: snapshot?.driver == .rest ? .rest : .hybrid,
            dryRun: self.account.isDryRun,
            privateSession: StatusReport.PrivateSession(
                state: snapshot.flatMap { StatusReport.ConnectionState(rawValue: $0.connectionState.rawValue) }
                    ?? .idle,
                connects: snapshot?.connects ?? 0,
                lastFrameAge: snapshot?.lastFrame.map { max(0, (now - $0).milliseconds) }
            ),
            positions: includePositions ? positions : [],
            positionCounts: includePositions ? nil : counts,
            events: events,
            reconnectsLastHour: snapshot?.reconnectsLastHour ?? 0,
            errorsLastHour: snapshot?.errorsLastHour ?? 0,
            lastError: snapshot?.lastError
        )
    }

    private static func position(
        _ snapshot: HybridStream.PositionSnapshot,
        lastFrames: [String: Uptime],
        now: Uptime
    ) -> StatusReport.Position {
        let position = snapshot.position
        let last = lastFrames[position.key.symbol] ?? snapshot.rowTime
        let age = last.map { max(0, (now - $0).milliseconds) }
        return StatusReport.Position(
            symbol: position.key.symbol,
            positionIndex: position.key.positionIndex,
            side: position.side.rawValue,
            size: position.size.description,
            entryPrice: position.entryPrice.description,
            markPrice: snapshot.mark?.description ?? "",
            markAge: age,
            stale: snapshot.isStale,
            unrealizedPnL: snapshot.unrealizedPnL?.description ?? "",
            stopLoss: position.stopLoss
        )
    }
}

extension AccountMachine.State {
    var reportState: StatusReport.State {
        switch self {
        case .starting: .starting
        case .live: .live
        case .degraded: .degraded
        case .fallback: .fallback
        case .failed: .failed
        case .stopped: .drained
        }
    }
}
