import Foundation
import HybridStream
import Logging

/// Every place where the events of a fleet go to stay or to be acted on: files, child processes, sockets.
///
/// Sinks that name the same file, command or socket are one. Each has its own queue and its own pace.
final class EventSinks: Sendable {
    /// How well the end went.
    struct End: Sendable {
        /// Nothing of what was queued was given up.
        var isComplete: Bool
        /// All that a kill must not lose has arrived; the store need not remember it.
        var hasAllTold: Bool
    }

    private let files: JSONLinesWriter
    /// Nil if no account has a sink that needs it.
    private let hub: SinkHub?
    private let ledger: DeliveryLedger

    /// - Parameters:
    ///   - environment: of child processes.
    ///   - onChange: called when a sink begins to fail, and with nil when it works again. On a thread of the sinks.
    ///   - onReader: called with the queue of a socket's reader that has come, and when it has gone. On a thread of the sinks.
    init(
        _ plan: SinkPlan,
        store: Store,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger,
        onChange: @escaping @Sendable (_ queue: EventQueue, _ name: String, _ trouble: SinkTrouble?) -> Void,
        onReader: @escaping @Sendable (EventQueue, _ isThere: Bool) -> Void
    ) {
        let ledger = DeliveryLedger(hasChildren: !plan.execs.isEmpty)
        let files = JSONLinesWriter(
            onChange: { sink, trouble in onChange(sink.queue, sink.path, trouble) },
            beforeWriting: { store.secureTold() },
            onWritten: { written in
                if let arrived = ledger.arrivedBefore(files: written) { store.toldEventsDelivered(before: arrived) }
            }
        )
        self.ledger = ledger
        self.files = files
        self.hub =
            plan.isEmpty
            ? nil
            : SinkHub(
                plan,
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

    /// Starts the children and opens the sockets.
    func start() { self.hub?.start() }

    /// The queues of an account, with what a killed process has left in the store for them.
    /// - Parameter written: by file and account, the last event that stands in the file. What a child has got is not known:
    ///   it gets all of it, and drops what it knows.
    func queues(
        of account: StartPlan.Account,
        stored: StoredAccount,
        written: [String: [String: Int64]]
    ) -> [EventQueue] {
        account.configuration.strategy.sinks.compactMap { sink in
            switch sink {
            case .jsonl(let file):
                let queue = self.files.sink(path: file.path, options: JSONLinesOptions(file)).queue
                let last = written[file.path]?[stored.account] ?? 0
                queue.append(stored.told.filter { $0.n > last }.map(\.line))
                return queue
            case .exec(let exec):
                guard let child = self.hub?.exec(exec) else { return nil }
                self.append(stored, to: child)
                return child.queue
            case .socket(let socket):
                return self.hub?.socket(socket)?.queue
            }
        }
    }

    /// As much as may wait for a child: one that has not read for days has left more.
    private func append(_ stored: StoredAccount, to child: ExecSink) {
        var room = child.limits.hard - child.queue.statistics.waitingBytes
        let newest = stored.told.reversed().prefix { event in
            room -= event.line.count
            return room >= 0
        }
        child.queue.append(newest.reversed().map(\.line))
        let lost = stored.told.count - newest.count
        guard lost > 0 else { return }
        child.logger.error(
            "events from before the start are lost to a consumer: more waited for it than may be kept",
            metadata: ["account": "\(stored.account)", "lost": "\(lost)"]
        )
    }

    /// Every account has its queues.
    func filled() { self.ledger.fill() }

    /// Writes what is queued, as long as that takes no more than `timeout`, and ends all sinks.
    func close(timeout: Duration = .seconds(5)) async -> End {
        async let filesAreWritten = self.files.close(timeout: timeout)
        let hub = await self.hub?.close(timeout: timeout)
        let isWritten = await filesAreWritten
        let fedChildren = hub?.fedChildren ?? true
        return End(
            isComplete: isWritten && fedChildren && hub?.fedReaders ?? true,
            hasAllTold: isWritten && fedChildren && self.ledger.isFilled
        )
    }
}
