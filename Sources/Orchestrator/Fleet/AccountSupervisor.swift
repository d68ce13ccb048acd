package import HybridStream
package import Logging
package import NIOCore

/// One enabled account: its stream, its pipeline, its share of the store. What happens here stays here: a failure of one
/// account reaches no other.
///
/// Confined to the account's event loop.
package final class AccountSupervisor: @unchecked Sendable {
    package let account: StartPlan.Account
    package let eventLoop: any EventLoop
    package let pipeline: AccountPipeline
    let loop: PipelineLoop
    private let store: any PositionRecorder
    let logger: Logger
    /// What the stream says while REST feeds the consumers.
    package let shadow: ShadowEvents
    package let monitor: RolloutMonitor
    /// Told of what sends the account back to REST. On the account's loop.
    package var onTrigger: (@Sendable (RollbackTriggers.Trigger) -> Void)?
    /// How far a drain has come.
    enum Drain: Sendable { case none, draining, drained }
    var drain = Drain.none
    package private(set) var stream: HybridStream?
    /// Carries out what the account's consumers ask for; nil if it has none.
    package private(set) var executor: AccountExecutor?
    /// Alerts that were opened and not resolved.
    private var openAlerts: Set<String> = []
    /// Held symbols whose ticker the exchange refuses.
    private var quarantined: Set<String> = []
    /// Paths of sinks that cannot write now.
    private(set) var failingSinks: [String: SinkTrouble] = [:]
    /// What happens now would not survive the process.
    private(set) var storeTrouble: StoreError?
    /// The damaged store in whose place a new one has come; until the next start somebody should look.
    private(set) var storeSetAside: StoreSetAside?
    /// The change whose event comes next: both are recorded as one.
    private var untold: PositionBook.Change?
    let queues: [EventQueue]
    private var settled: EventLoopPromise<Void>?
    private var isSettled = false

    package init(
        account: StartPlan.Account,
        fleetLoop: FleetLoop,
        numbers: NumberLease,
        queues: [EventQueue],
        store: any PositionRecorder,
        rollout: RolloutConfiguration = RolloutConfiguration(),
        logger: Logger
    ) {
        self.account = account
        self.eventLoop = fleetLoop.eventLoop
        self.loop = fleetLoop.pipeline
        self.store = store
        self.logger = logger
        self.queues = queues
        self.monitor = RolloutMonitor(
            RolloutStage(account.mode, percent: account.percent),
            configuration: rollout,
            time: fleetLoop.pipeline.clock
        )
        self.shadow = ShadowEvents(account: account.identity.name, time: fleetLoop.pipeline.clock)
        self.pipeline = AccountPipeline(
            account: account.identity.name,
            numbers: numbers,
            loop: fleetLoop.pipeline,
            queues: queues
        )
        self.pipeline.willTell = { [unowned self] update, line, n in self.record(update, line, n) }
        self.pipeline.onConsumerFailure = { [monitor] text in monitor.consumerFailed(text) }
    }

    package var name: String { self.account.identity.name }

    /// Lets the account's consumers decide from the first event on. To be called before ``start(stream:restoring:)``.
    package func act(through executor: AccountExecutor, restoring stored: StoredAccount) {
        self.executor = executor
        executor.onSweep = { [unowned self] in self.stream?.requestSweep() }
        executor.isListening = { [unowned self] in self.stream?.isListening ?? false }
        executor.restore(stored)
        self.pipeline.setConsumers(executor.consumers)
    }

    package func start(stream: HybridStream, restoring stored: [Position]) {
        self.stream = stream
        stream.watcher = self.monitor
        self.monitor.stream = stream
        stream.start(restoring: stored)
    }

    /// From any thread, once the account is started.
    package func stop() async throws {
        try await self.eventLoop.flatSubmit {
            self.drain == .none ? self.finishActions() : self.eventLoop.makeSucceededVoidFuture()
        }.get()
        let stream = try await self.eventLoop.submit { self.stream }.get()
        try await stream?.stop()
    }

    /// Nothing more is decided; what is on its way to the exchange gets its answer, if that does not take too long. What has
    /// none is looked up by the next start.
    func finishActions() -> EventLoopFuture<Void> {
        guard let executor = self.executor else { return self.eventLoop.makeSucceededVoidFuture() }
        return executor.finish()
    }

    /// Lets go of the stream, which keeps what observes it. Only for an account that nobody calls any more.
    package func dismantle() {
        self.stream = nil
        self.monitor.stream = nil
        self.pipeline.setConsumers([])
        self.executor = nil
    }

    /// Completes when the account has reached its first settled state: live, degraded, in fallback or failed.
    func whenSettled() -> EventLoopFuture<Void> {
        if self.isSettled { return self.eventLoop.makeSucceededVoidFuture() }
        let promise = self.settled ?? self.eventLoop.makePromise()
        self.settled = promise
        return promise.futureResult
    }

    func settleForDrain() { self.settle() }

    private func settle() {
        self.isSettled = true
        self.settled?.succeed()
        self.settled = nil
    }

    /// The fleet ends: nobody waits for this account any more.
    func abandonWaiting() { self.settle() }

    func sinkChanged(path: String, trouble: SinkTrouble?) {
        if let trouble {
            self.failingSinks[path] = trouble
            self.alert("sink_failed", .warning, .opened, symbol: "", "\(trouble)")
        } else if self.failingSinks.removeValue(forKey: path) != nil, self.failingSinks.isEmpty {
            self.alert("sink_failed", .warning, .resolved, symbol: "", "\(path) is written again")
        }
    }

    func storeChanged(_ trouble: StoreError?) {
        self.storeTrouble = trouble
        if let trouble {
            self.alert("store_failed", .warning, .opened, symbol: "", "the store cannot write: \(trouble)")
        } else {
            self.alert("store_failed", .warning, .resolved, symbol: "", "the store writes again")
        }
    }

    func storeWasSetAside(_ setAside: StoreSetAside) {
        self.storeSetAside = setAside
        self.alert("store_set_aside", .critical, .opened, symbol: "", setAside.text)
    }

    func tickerQuarantined(_ symbol: String, text: String) {
        guard let stream = self.stream, stream.drive.hasStream,
            stream.streamView.book.openPositions.contains(where: { $0.key.symbol == symbol })
        else { return }
        // Also where the stream runs beside REST, and nobody misses the ticker.
        self.monitor.subscriptionFailed(now: self.loop.clock.uptime())
        guard self.streamedSymbols.contains(symbol) else { return }
        self.quarantined.insert(symbol)
        self.pipeline.onUpdate = { [weak self] update in
            // What REST tells meanwhile is no ticker.
            let isTicker = update.source == .hybrid && (update.cause == .mark || update.cause == .fresh)
            if isTicker || !update.position.isOpen { self?.tickerRecovered(update.position.key) }
        }
        self.alert(
            "ticker_quarantined",
            .warning,
            .opened,
            symbol: symbol,
            "the exchange refuses the ticker of \(symbol): \(text). The position has no live mark; it is tried again"
        )
    }

    /// Held symbols whose marks the stream brings to the consumers.
    var streamedSymbols: Set<String> {
        guard let stream = self.stream else { return [] }
        return Set(stream.tracker.book.openPositions.map(\.key.symbol).filter { stream.drive.streams($0) })
    }

    /// REST drives these now: that there is no ticker is nobody's trouble any more.
    func leaveQuarantined() {
        let streamed = self.streamedSymbols
        for symbol in self.quarantined.subtracting(streamed).sorted() {
            self.quarantined.remove(symbol)
            self.alert("ticker_quarantined", .warning, .resolved, symbol: symbol, "REST brings the mark of \(symbol)")
        }
        if self.quarantined.isEmpty { self.pipeline.onUpdate = nil }
        if streamed.isEmpty {
            self.alert("tickers_not_restored", .warning, .resolved, symbol: "", "REST brings the marks")
        }
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

    /// Tickers of the account's positions are back after a gap, or are missing for too long.
    func tickersChanged(_ gap: TickerFeed.GapReport) {
        let held = self.streamedSymbols
        let lost = gap.lost.filter(held.contains)
        let missing = gap.missing.filter(held.contains)
        guard gap.isOver else {
            if missing.isEmpty { return }
            let text =
                "no ticker of \(missing.joined(separator: ", ")) for \(gap.length.milliseconds) ms (\(gap.reason)); "
                + "REST is asked for the marks meanwhile"
            return self.alert("tickers_not_restored", .warning, .opened, symbol: "", text)
        }
        self.alert("tickers_not_restored", .warning, .resolved, symbol: "", "tickers deliver again")
        if lost.isEmpty { return }
        let restored = gap.restored.filter(held.contains)
        let length = gap.length.milliseconds
        self.recovered(
            PipelineEvent.Recovery(
                stream: .tickers,
                reason: gap.reason,
                gapMilliseconds: length,
                lost: lost.count,
                restored: restored.count,
                missing: missing,
                text: "tickers were away for \(length) ms; \(restored.count) of \(lost.count) symbols deliver again"
            )
        )
    }

    private func recovered(_ recovery: PipelineEvent.Recovery) {
        self.pipeline.emit(.recovery(recovery))
        self.loop.batchEnded()
    }

    func alert(
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
    package func streamStateChanged(from old: AccountMachine.State, to new: AccountMachine.State, reason: String) {
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

    package func streamRecovered(_ recovery: StreamRecovery) {
        let length = recovery.length.milliseconds
        let changes = recovery.changes == 1 ? "1 change was" : "\(recovery.changes) changes were"
        let text =
            "the private connection was away for \(length) ms; \(changes) missed and found, "
            + "\(recovery.restored) positions are confirmed"
        self.logger.notice(
            "private stream is back",
            metadata: [
                "account": "\(self.name)", "reason": "\(recovery.reason)", "gap_ms": "\(length)",
                "lost": "\(recovery.lost)", "restored": "\(recovery.restored)", "changes": "\(recovery.changes)",
            ]
        )
        self.recovered(
            PipelineEvent.Recovery(
                stream: .private,
                reason: recovery.reason,
                gapMilliseconds: length,
                lost: recovery.lost,
                restored: recovery.restored,
                changes: recovery.changes,
                text: text
            )
        )
    }

    package func positionChanged(_ change: PositionBook.Change) {
        self.untold = change
    }

    /// A change and what readers are told of it get into the store together, before anybody is told.
    private func record(_ update: PositionUpdate, _ line: [UInt8], _ n: Int64) {
        guard let change = self.untold, change.position.key == update.position.key else { return }
        self.untold = nil
        self.store.record(
            account: self.name,
            changes: [change.position.isOpen ? .upsert(change.position) : .close(change.position.key)],
            told: update.cause.isLifecycle && !self.queues.isEmpty ? ToldEvent(n: n, line: line) : nil
        )
    }

    package func streamAlert(code: String, symbol: String, text: String) {
        self.alert(code, .warning, .opened, symbol: symbol, text)
    }

    package func streamAlertResolved(code: String) {
        self.alert(code, .warning, .resolved, symbol: "", "a sweep has shown every position again")
    }

    package func batchCompleted() {
        self.loop.batchEnded()
    }
}

extension AccountMachine.State {
    /// The contract's word; a stopped stream is a drained account.
    var statusName: String { self == .stopped ? "drained" : self.rawValue }
}
