import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A Unix socket at which any number of readers get the events of some accounts as JSON Lines, each at its own pace.
///
/// A reader gets the events from its connection on, and nothing else. That nobody reads is no trouble. The socket is created
/// with mode 0600; see ``SocketFile``. One that somebody has removed is created again.
///
/// Confined to the hub's loop, except for ``queue`` and ``positions(of:)``.
final class SocketSink: @unchecked Sendable {
    /// More readers than these are refused, so that memory is bounded.
    static let mostReaders = 64
    /// How often it is looked whether the file is still there, in ticks of a second.
    private static let lookEvery = 5

    let path: String
    private(set) var accounts: Set<String>
    /// Of each reader. One that lets more wait than may be kept is disconnected.
    private(set) var limits: SinkLimits
    /// What the accounts know the sink by. Nothing is ever put into it: each reader has its own.
    let queue: EventQueue
    private let tools: SinkTools
    /// A reader's queue is to be attached to its accounts, and detached again.
    private let onReader: @Sendable (EventQueue, _ isThere: Bool) -> Void
    private var listener: (channel: any Channel, file: SocketFile)?
    private var readers: [ObjectIdentifier: SocketReader] = [:]
    /// The same, for whoever asks how far they have got.
    private let announced = Mutex<[ObjectIdentifier: Announced]>([:])
    private var backoff = Backoff(initial: .milliseconds(500), max: .seconds(10))
    private var random = SplitMix64(seed: .random(in: 0 ... .max))
    private var retry: Scheduled<Void>?
    private var trouble: SinkTrouble?
    private var isOver = false
    private var ticks = 0
    /// Readers that were disconnected since the start because they did not read.
    private(set) var disconnectedCount = 0

    init(
        _ plan: SinkPlan.Socket,
        tools: SinkTools,
        limits: SinkLimits? = nil,
        onReader: @escaping @Sendable (EventQueue, Bool) -> Void
    ) {
        self.path = plan.path
        self.accounts = Set(plan.accounts)
        self.limits = limits ?? SinkLimits(accounts: plan.accounts.count)
        self.tools = tools
        self.onReader = onReader
        self.queue = EventQueue(name: "socket:\(plan.path)")
        self.queue.close()
    }

    private struct Announced: Sendable {
        let queue: EventQueue
        let progress: QueueProgress
    }

    /// Other accounts share it from now on; readers that are there get their events too, or no more of them.
    func share(_ plan: SinkPlan.Socket) {
        self.accounts = Set(plan.accounts)
        self.limits = SinkLimits(accounts: plan.accounts.count)
        for reader in self.readers.values { self.share(reader) }
    }

    private func share(_ reader: SocketReader) {
        reader.queue.setAccounts(self.accounts)
        reader.queue.setLimits(self.limits)
    }

    /// Of each reader, where in its queue an account's events end that are there now. From any thread.
    func positions(of account: String) -> [(progress: QueueProgress, position: Int64)] {
        self.announced.withLock { readers in
            readers.values.map { ($0.progress, $0.queue.position(of: account)) }
        }
    }

    // MARK: Listening

    func start() {
        self.retry = nil
        let path = self.path
        self.tools.start(
            { () -> Result<SocketFile.Listening, SinkTrouble> in
                Result { () throws(SinkTrouble) in try SocketFile.listen(path) }
            },
            then: self.bound
        )
    }

    private func bound(_ outcome: Result<SocketFile.Listening, SinkTrouble>) {
        switch outcome {
        case .success(let listening) where self.isOver:
            listening.file.remove()
            Glibc.close(listening.descriptor)
        case .success(let listening): self.accept(listening)
        case .failure(let trouble): self.failed(trouble)
        }
    }

    private func accept(_ listening: SocketFile.Listening) {
        ServerBootstrap(group: self.tools.loop)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SocketReader(sink: self, tools: self.tools))
                }
            }
            .withBoundSocket(listening.descriptor)
            .whenComplete { outcome in
                switch outcome {
                case .success(let channel): self.listens(channel, listening.file)
                case .failure(let error):
                    listening.file.remove()
                    self.failed(self.trouble("\(error)", errno: (error as? IOError)?.errnoCode ?? 0))
                }
            }
    }

    private func listens(_ channel: any Channel, _ file: SocketFile) {
        if self.isOver {
            file.remove()
            return channel.close(promise: nil)
        }
        self.listener = (channel, file)
        self.backoff.reset()
        self.tools.logger.info("readers can connect", metadata: ["path": "\(self.path)"])
        self.report(nil)
        channel.closeFuture.whenComplete { _ in
            guard let listener = self.listener, listener.channel === channel else { return }
            self.listener = nil
            self.failed(self.trouble("the socket was closed unexpectedly"))
        }
    }

    private func trouble(_ reason: String, errno code: Int32 = 0) -> SinkTrouble {
        SinkTrouble(
            step: "listen on",
            path: self.path,
            errno: code,
            reason: reason,
            consequence: "nobody can read there; it is tried again"
        )
    }

    private func failed(_ trouble: SinkTrouble) {
        self.report(trouble)
        guard !self.isOver else { return }
        let pause = self.backoff.next(using: &self.random)
        self.retry = self.tools.schedule(at: self.tools.now + max(pause, .milliseconds(50))) { [weak self] in
            self?.start()
        }
    }

    private func report(_ trouble: SinkTrouble?) {
        guard trouble != self.trouble else { return }
        self.trouble = trouble
        self.tools.onChange(self.queue, self.path, trouble)
    }

    /// Once a second.
    func tick() {
        for reader in self.readers.values { reader.tick() }
        self.ticks += 1
        guard self.ticks.isMultiple(of: SocketSink.lookEvery), let listener = self.listener else { return }
        guard !listener.file.isInPlace else { return }
        self.tools.logger.warning("a socket was removed; it is created again", metadata: ["path": "\(self.path)"])
        self.listener = nil
        listener.channel.close(promise: nil)
        self.start()
    }

    // MARK: Readers

    func joined(_ reader: SocketReader) {
        guard self.readers.count < SocketSink.mostReaders, !self.isOver else {
            self.tools.logger.warning(
                "a reader is refused: there are \(self.readers.count) already",
                metadata: ["path": "\(self.path)"]
            )
            return reader.queue.close()
        }
        self.readers[ObjectIdentifier(reader)] = reader
        // Others may share the sink since it was made.
        self.share(reader)
        self.announced.withLock {
            $0[ObjectIdentifier(reader)] = Announced(queue: reader.queue, progress: reader.progress)
        }
        self.onReader(reader.queue, true)
    }

    func left(_ reader: SocketReader) {
        guard self.readers.removeValue(forKey: ObjectIdentifier(reader)) != nil else { return }
        self.announced.withLock { $0[ObjectIdentifier(reader)] = nil }
        self.onReader(reader.queue, false)
    }

    func disconnected(_ reason: String) {
        self.disconnectedCount += 1
        self.tools.logger.warning(
            "a reader is disconnected",
            metadata: [
                "path": "\(self.path)", "reason": "\(reason)", "disconnected_so_far": "\(self.disconnectedCount)",
            ]
        )
    }

    // MARK: End

    /// Nobody can connect any more; those who have get what is queued, and the end.
    /// - Returns: whether all of them got everything.
    func finish() -> EventLoopFuture<Bool> {
        self.isOver = true
        self.retry?.cancel()
        self.retry = nil
        if let listener = self.listener {
            self.listener = nil
            listener.file.remove()
            listener.channel.close(promise: nil)
        }
        return EventLoopFuture.whenAllSucceed(self.readers.values.map { $0.finish() }, on: self.tools.loop)
            .map { $0.allSatisfy { $0 } }
    }

    func abandon() {
        for reader in self.readers.values { reader.abandon() }
    }
}
