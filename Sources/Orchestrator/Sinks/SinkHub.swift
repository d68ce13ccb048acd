import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// All `exec` and `socket` sinks of a process. They share one thread: a thousand sockets are not a thousand threads.
final class SinkHub: Sendable {
    /// How well the end went.
    struct End: Sendable {
        /// Every child has got everything into its pipe.
        var fedChildren: Bool
        /// Every reader of a socket was sent everything.
        var fedReaders: Bool
    }

    /// Also those that are about to end.
    private struct State {
        var execs: [[String]: ExecSink] = [:]
        var sockets: [String: SocketSink] = [:]
        var isStarted = false
        /// The loop takes nothing more.
        var isClosed = false
    }

    private let group: MultiThreadedEventLoopGroup
    private let tools: SinkTools
    private let environment: [String: String]
    private let state = Mutex(State())
    private let onReader: @Sendable (EventQueue, _ isThere: Bool) -> Void
    private let onTick: @Sendable (ContinuousClock.Instant?) -> Void

    private static let tickInterval = TimeAmount.seconds(1)

    /// All closures are called on the hub's thread, but for `secure`, which may block.
    /// - Parameters:
    ///   - secure: called when lines have been taken that have to be delivered, before anybody gets them.
    ///   - onChange: called when a sink begins to fail, and with nil when it works again.
    ///   - onReader: called with the queue of a socket's reader that has come, and when it has gone.
    ///   - onTick: called about once a second with the instant before which everything was handed over that is in the pipe of
    ///     every child now; nil if there are no children. A reader of a socket gets what happens while it is there, so
    ///     nothing has to be kept for one. No sink comes or goes during the call.
    init(
        environment: [String: String],
        logger: Logger,
        secure: @escaping @Sendable () -> Void,
        onChange: @escaping @Sendable (EventQueue, String, SinkTrouble?) -> Void,
        onReader: @escaping @Sendable (EventQueue, _ isThere: Bool) -> Void,
        onTick: @escaping @Sendable (ContinuousClock.Instant?) -> Void
    ) {
        // A child that is gone is to be an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let tools = SinkTools(loop: group.next(), logger: logger, secure: secure, onChange: onChange)
        self.group = group
        self.tools = tools
        self.environment = environment
        self.onReader = onReader
        self.onTick = onTick
    }

    /// Starts the children and opens the sockets; those that come later start at once.
    func start() {
        let (execs, sockets) = self.state.withLock { state in
            state.isStarted = true
            return (Array(state.execs.values), Array(state.sockets.values))
        }
        self.tools.loop.execute {
            for exec in execs { exec.start() }
            for socket in sockets { socket.start() }
        }
        self.tools.loop.scheduleRepeatedTask(initialDelay: SinkHub.tickInterval, delay: SinkHub.tickInterval) {
            [weak self] task in
            guard let self else { return task.cancel() }
            self.tick()
        }
    }

    private func tick() {
        let (execs, sockets) = self.all
        for exec in execs { exec.tick() }
        for socket in sockets { socket.tick() }
        self.state.withLock { state in self.onTick(state.execs.values.map(\.deliveredBefore).min()) }
    }

    private var all: ([ExecSink], [SocketSink]) {
        self.state.withLock { (Array($0.execs.values), Array($0.sockets.values)) }
    }

    // MARK: Coming and going

    /// The one that exists, or another.
    func exec(_ plan: SinkPlan.Exec) -> ExecSink {
        self.state.withLock { state in
            if let exec = state.execs[plan.configuration.command] { return exec }
            let exec = ExecSink(plan, tools: self.tools, environment: self.environment)
            state.execs[plan.configuration.command] = exec
            if state.isStarted { self.tools.loop.execute { exec.start() } }
            return exec
        }
    }

    /// The one that exists, or another.
    func socket(_ plan: SinkPlan.Socket) -> SocketSink {
        self.state.withLock { state in
            if let socket = state.sockets[plan.path] { return socket }
            let socket = SocketSink(plan, tools: self.tools, onReader: self.onReader)
            state.sockets[plan.path] = socket
            if state.isStarted { self.tools.loop.execute { socket.start() } }
            return socket
        }
    }

    /// Returns once `body` has run on the loop, or the loop has ended.
    func run(_ body: @escaping @Sendable () -> Void) async {
        await self.finished {
            body()
            return self.tools.loop.makeSucceededFuture(true)
        }
    }

    /// Ends one that nobody uses any more, as at the end of all.
    func end(_ exec: ExecSink) async {
        await self.finished { exec.finish() }
        self.state.withLock { $0.execs[exec.command] = nil }
    }

    func end(_ socket: SocketSink) async {
        await self.finished { socket.finish() }
        self.state.withLock { $0.sockets[socket.path] = nil }
    }

    /// Runs `body` on the loop, unless that has ended, and waits for its outcome.
    private func finished(_ body: @escaping @Sendable () -> EventLoopFuture<Bool>) async {
        let end = self.state.withLock { $0.isClosed ? nil : self.tools.loop.flatSubmit(body) }
        do {
            _ = try await end?.get()
        } catch {
            self.tools.logger.debug("the sinks have ended meanwhile", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: End

    /// Ends all sinks: what is queued is written within `timeout`, then children are given the time that their sinks allow
    /// to end.
    func close(timeout: Duration) async -> End {
        let tools = self.tools
        let (all, listening) = self.all
        let ends = tools.loop.flatSubmit { () -> EventLoopFuture<([Bool], [Bool])> in
            let deadline = tools.schedule(at: tools.now + timeout) {
                for exec in all { exec.abandon() }
                for socket in listening { socket.abandon() }
            }
            let execs = EventLoopFuture.whenAllSucceed(all.map { $0.finish() }, on: tools.loop)
            let sockets = EventLoopFuture.whenAllSucceed(listening.map { $0.finish() }, on: tools.loop)
            let both = execs.and(sockets)
            both.whenComplete { _ in deadline.cancel() }
            return both
        }
        var end = End(fedChildren: false, fedReaders: false)
        do {
            let (children, readers) = try await ends.get()
            end = End(fedChildren: children.allSatisfy { $0 }, fedReaders: readers.allSatisfy { $0 })
            try await tools.settle()
            self.state.withLock { $0.isClosed = true }
            try await self.group.shutdownGracefully()
        } catch {
            tools.logger.error("the sinks' loop did not end in order", metadata: ["reason": "\(error)"])
        }
        return end
    }
}
