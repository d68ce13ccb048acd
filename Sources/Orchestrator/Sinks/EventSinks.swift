import Foundation
import HybridStream
import Logging
import Synchronization

/// Every place where the events of a fleet go to stay or to be acted on: files, child processes, sockets.
///
/// Sinks that name the same file, command or socket are one. Each has its own queue and its own pace. Accounts come and go:
/// a sink is there from its first account on, and ends with the last, once it has delivered everything.
final class EventSinks: Sendable {
    /// How well the end went.
    struct End: Sendable {
        /// Nothing of what was queued was given up.
        var isComplete: Bool
        /// All that a kill must not lose has arrived; the store need not remember it.
        var hasAllTold: Bool
    }

    struct State: Sendable {
        var roster = SinkRoster()
        var open: [SinkIdentity: OpenSink] = [:]
        /// Exists from the first sink on that needs it.
        var hub: SinkHub?
        var isClosed = false
        /// Accounts that have been there: what was left of them before the start is queued.
        var seen: Set<String> = []
        var leavings: [Int: SinkLeaving] = [:]
        var nextLeaving = 0
        /// Those who wait for the end of a sink.
        var waiters: [SinkIdentity: [CheckedContinuation<Void, Never>]] = [:]
    }

    let files: JSONLinesWriter
    let state = Mutex(State())
    private let store: Store
    private let ledger = DeliveryLedger()
    private let makeHub: @Sendable () -> SinkHub

    /// - Parameters:
    ///   - environment: of child processes.
    ///   - onChange: called when a sink begins to fail, and with nil when it works again. On a thread of the sinks.
    ///   - onReader: called with the queue of a socket's reader that has come, and when it has gone. On a thread of the sinks.
    init(
        store: Store,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger,
        onChange: @escaping @Sendable (_ queue: EventQueue, _ name: String, _ trouble: SinkTrouble?) -> Void,
        onReader: @escaping @Sendable (EventQueue, _ isThere: Bool) -> Void
    ) {
        let ledger = self.ledger
        let files = JSONLinesWriter(
            onChange: { sink, trouble in onChange(sink.queue, sink.path, trouble) },
            beforeWriting: { store.secureTold() },
            onWritten: { written in
                if let arrived = ledger.arrivedBefore(files: written) { store.toldEventsDelivered(before: arrived) }
            }
        )
        self.files = files
        self.store = store
        self.makeHub = {
            SinkHub(
                environment: environment,
                logger: logger,
                secure: { store.secureTold() },
                onChange: onChange,
                onReader: onReader,
                onTick: { arrived in
                    ledger.childrenHave(before: arrived)
                    files.report()
                }
            )
        }
    }

    // MARK: An account comes

    /// These accounts are about to be added: what they share has, from the first of them on, the label and the bounds
    /// that it will have with all. Nothing is started before somebody comes who uses it.
    func expect(_ accounts: [(name: String, sinks: [SinkConfiguration])]) {
        self.state.withLock { $0.roster.expect(accounts) }
    }

    /// Every account that runs from the start has its queues; who was expected and is not there could not be started.
    func filled() async {
        self.ledger.fill()
        await self.share(self.state.withLock { $0.roster.stopExpecting() })
    }

    /// The queues of an account, with what a killed process has left in the store for them. Sinks that nobody has had so far
    /// are created and started; it waits for the end of one that is just ending. None once all are being closed.
    /// - Parameter written: by file and account, the last event that stands in the file. What a child has got is not known:
    ///   it gets all of it, and drops what it knows.
    func add(
        account: StartPlan.Account,
        stored: StoredAccount,
        written: [String: [String: Int64]]
    ) async -> [EventQueue] {
        let name = account.identity.name
        while true {
            let (joining, sinks, isFirst) = self.join(name, account.configuration.strategy.sinks)
            if case .wait(let ending) = joining {
                await self.waitForEnd(of: ending)
                continue
            }
            if isFirst {
                for sink in sinks { self.append(stored, to: sink, written: written) }
            }
            self.store.toldEventsAreQueued(of: name)
            await self.share(sinks.map(\.identity))
            return sinks.map(\.queue)
        }
    }

    private func join(
        _ account: String,
        _ configurations: [SinkConfiguration]
    ) -> (SinkRoster.Joining, [OpenSink], isFirst: Bool) {
        self.state.withLock { state in
            if state.isClosed { return (.joined([]), [], false) }
            let joining = state.roster.join(account, configurations)
            guard case .joined(let entries) = joining else { return (joining, [], false) }
            let sinks = entries.map { self.open($0, &state) }
            return (joining, sinks, state.seen.insert(account).inserted)
        }
    }

    /// The sink that is open, or another.
    private func open(_ entry: SinkPlan.Entry, _ state: inout State) -> OpenSink {
        if let open = state.open[entry.identity] {
            // Children take theirs over on their loop, with whom they are shared by.
            if case .file(let file) = entry { open.file?.setOptions(JSONLinesOptions(file)) }
            return open
        }
        let open: OpenSink
        switch entry {
        case .file(let file):
            open = .file(self.files.sink(path: file.path, options: JSONLinesOptions(file)))
        case .exec(let exec):
            open = .exec(self.hub(&state).exec(exec))
            self.ledger.childComes()
        case .socket(let socket):
            open = .socket(self.hub(&state).socket(socket))
        }
        state.open[entry.identity] = open
        return open
    }

    private func hub(_ state: inout State) -> SinkHub {
        if let hub = state.hub { return hub }
        let hub = self.makeHub()
        hub.start()
        state.hub = hub
        return hub
    }

    private func append(_ stored: StoredAccount, to sink: OpenSink, written: [String: [String: Int64]]) {
        switch sink {
        case .file(let file):
            let last = written[file.path]?[stored.account] ?? 0
            file.queue.append(stored.told.filter { $0.n > last }.map(\.line))
        case .exec(let exec):
            self.append(stored, to: exec)
        case .socket:
            break
        }
    }

    /// As much as may wait for a child: one that has not read for days has left more.
    private func append(_ stored: StoredAccount, to child: ExecSink) {
        var room = child.queue.hardLimit - child.queue.statistics.waitingBytes
        let newest = stored.told.reversed().prefix { event in
            room -= event.line.count
            return room >= 0
        }
        child.queue.append(newest.reversed().map(\.line))
        let lost = stored.told.count - newest.count
        guard lost > 0 else { return }
        child.tools.logger.error(
            "events from before the start are lost to a consumer: more waited for it than may be kept",
            metadata: ["consumer": "\(child.queue.name)", "account": "\(stored.account)", "lost": "\(lost)"]
        )
    }

    /// Brings labels, bounds, options and filters of sinks up to date with who shares them now.
    func share(_ sinks: [SinkIdentity]) async {
        guard let hub = self.state.withLock({ $0.hub }) else { return }
        await hub.run {
            for sink in sinks {
                // Asked for on the loop: of two changes at the same time the newer holds.
                let open = self.state.withLock { $0.open[sink] }
                switch open {
                case .exec(let exec): self.state.withLock { $0.roster.plan.exec(exec.command) }.map(exec.share)
                case .socket(let socket): self.state.withLock { $0.roster.plan.socket(socket.path) }.map(socket.share)
                case .file, nil: break
                }
            }
        }
    }

    private func waitForEnd(of sink: SinkIdentity) async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                guard state.roster.isEnding(sink) else { return true }
                state.waiters[sink, default: []].append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: End

    /// Writes what is queued, as long as that takes no more than `timeout`, and ends all sinks.
    func close(timeout: Duration = .seconds(5)) async -> End {
        let hub = self.state.withLock { state in
            state.isClosed = true
            defer { state.hub = nil }
            return state.hub
        }
        async let filesAreWritten = self.files.close(timeout: timeout)
        let end = await hub?.close(timeout: timeout)
        let isWritten = await filesAreWritten
        let fedChildren = end?.fedChildren ?? true
        return End(
            isComplete: isWritten && fedChildren && end?.fedReaders ?? true,
            hasAllTold: isWritten && fedChildren && self.ledger.isFilled
        )
    }
}
