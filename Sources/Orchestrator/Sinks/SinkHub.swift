import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix

/// All `exec` and `socket` sinks of a process. They share one thread: a thousand sockets are not a thousand threads.
final class SinkHub: Sendable {
    /// How well the end went.
    struct End: Sendable {
        /// Every child has got everything into its pipe.
        var fedChildren: Bool
        /// Every reader of a socket was sent everything.
        var fedReaders: Bool
    }

    private let group: MultiThreadedEventLoopGroup
    private let tools: SinkTools
    private let execs: [[String]: ExecSink]
    private let sockets: [String: SocketSink]
    private let onTick: @Sendable (ContinuousClock.Instant?) -> Void

    private static let tickInterval = TimeAmount.seconds(1)

    /// All closures are called on the hub's thread, but for `secure`, which may block.
    /// - Parameters:
    ///   - secure: called when lines have been taken that have to be delivered, before anybody gets them.
    ///   - onChange: called when a sink begins to fail, and with nil when it works again.
    ///   - onReader: called with the queue of a socket's reader that has come, and when it has gone.
    ///   - onTick: called about once a second with the instant before which everything was handed over that is in the pipe of
    ///     every child now; nil if there are no children. A reader of a socket gets what happens while it is there, so
    ///     nothing has to be kept for one.
    init(
        _ plan: SinkPlan,
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
        self.execs = Dictionary(
            uniqueKeysWithValues: plan.execs.map { exec in
                (exec.configuration.command, ExecSink(exec, tools: tools, environment: environment))
            }
        )
        self.sockets = Dictionary(
            uniqueKeysWithValues: plan.sockets.map { socket in
                (socket.path, SocketSink(socket, tools: tools, onReader: onReader))
            }
        )
        self.onTick = onTick
    }

    /// Starts the children and opens the sockets.
    func start() {
        self.tools.loop.execute {
            for exec in self.execs.values { exec.start() }
            for socket in self.sockets.values { socket.start() }
        }
        self.tools.loop.scheduleRepeatedTask(initialDelay: SinkHub.tickInterval, delay: SinkHub.tickInterval) {
            [weak self] task in
            guard let self else { return task.cancel() }
            self.tick()
        }
    }

    private func tick() {
        for exec in self.execs.values { exec.tick() }
        for socket in self.sockets.values { socket.tick() }
        self.onTick(self.execs.values.map(\.deliveredBefore).min())
    }

    func exec(_ configuration: ExecSinkConfiguration) -> ExecSink? { self.execs[configuration.command] }

    func socket(_ configuration: SocketSinkConfiguration) -> SocketSink? { self.sockets[configuration.path] }

    /// Ends all sinks: what is queued is written within `timeout`, then children are given the time that their sinks allow
    /// to end.
    func close(timeout: Duration) async -> End {
        let tools = self.tools
        let ends = tools.loop.flatSubmit { () -> EventLoopFuture<([Bool], [Bool])> in
            let deadline = tools.schedule(at: tools.now + timeout) {
                for exec in self.execs.values { exec.abandon() }
                for socket in self.sockets.values { socket.abandon() }
            }
            let execs = EventLoopFuture.whenAllSucceed(self.execs.values.map { $0.finish() }, on: tools.loop)
            let sockets = EventLoopFuture.whenAllSucceed(self.sockets.values.map { $0.finish() }, on: tools.loop)
            let both = execs.and(sockets)
            both.whenComplete { _ in deadline.cancel() }
            return both
        }
        var end = End(fedChildren: false, fedReaders: false)
        do {
            let (children, readers) = try await ends.get()
            end = End(fedChildren: children.allSatisfy { $0 }, fedReaders: readers.allSatisfy { $0 })
            try await tools.settle()
            try await self.group.shutdownGracefully()
        } catch {
            tools.logger.error("the sinks' loop did not end in order", metadata: ["reason": "\(error)"])
        }
        return end
    }
}
