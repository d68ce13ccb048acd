import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix

/// A child process that has not been collected yet. Confined to the hub's loop.
final class RunningChild: @unchecked Sendable {
    let pid: Int32
    /// Nil before it is set up, and once nothing can be written any more.
    fileprivate(set) var input: (any Channel)?
    fileprivate var pace = RunningChild.calm
    fileprivate var watch: Scheduled<Void>?
    private var isOver = false

    /// A child whose pipes are open is looked at so often: something it has started may hold them.
    fileprivate static let calm = Duration.seconds(1)
    /// One whose pipes have closed has ended, or will in an instant.
    fileprivate static let first = Duration.milliseconds(1)
    fileprivate static let slowest = Duration.milliseconds(200)

    fileprivate init(pid: Int32) {
        self.pid = pid
    }

    /// To the child and all that it has started.
    func signal(_ number: Int32) {
        if !self.isOver { kill(-self.pid, number) }
    }

    /// Its number may be another process's from now on.
    func forget() {
        self.isOver = true
        self.watch?.cancel()
        self.watch = nil
        self.input?.close(promise: nil)
        self.input = nil
    }
}

extension ExecSink {
    func spawn() {
        let command = self.command
        let environment = self.environment
        self.tools.start(
            { () -> Result<SpawnedChild, SystemCallError> in
                Result { () throws(SystemCallError) in try ChildSpawner.spawn(command, environment: environment) }
            },
            then: self.spawned
        )
    }

    private func spawned(_ outcome: Result<SpawnedChild, SystemCallError>) {
        switch outcome {
        case .success(let spawned):
            guard self.supervision.state == .spawning else { return spawned.discard() }
            self.logger.info("a consumer is started", metadata: ["pid": "\(spawned.pid)"])
            let child = RunningChild(pid: spawned.pid)
            self.child = child
            self.read(spawned.output, "stdout", .info, pid: spawned.pid)
            self.read(spawned.errors, "stderr", .notice, pid: spawned.pid)
            self.open(spawned.input, of: child)
            self.watch(child)
        case .failure(let error):
            self.handle(
                .notSpawned(
                    SinkTrouble(step: "start", path: self.label, errno: error.code, reason: error.reason)
                )
            )
        }
    }

    // MARK: Pipes

    private func open(_ descriptor: Int32, of child: RunningChild) {
        // On the loop, so that it is done when this returns, but for the registration.
        NIOPipeBootstrap(group: self.tools.loop).takingOwnershipOfDescriptor(output: descriptor).whenComplete {
            outcome in
            switch outcome {
            case .success(let channel):
                channel.closeFuture.whenComplete { _ in self.inputClosed(of: child) }
                guard self.child === child else { return channel.close(promise: nil) }
                child.input = channel
                self.handle(.spawned)
                self.begin()
            case .failure(let error):
                Glibc.close(descriptor)
                self.logger.error("a consumer's input cannot be used", metadata: ["reason": "\(error)"])
                self.handle(.spawned)
                self.inputClosed(of: child)
            }
        }
    }

    private func inputClosed(of child: RunningChild) {
        child.input = nil
        guard self.child === child else { return }
        self.handle(.inputClosed)
        self.look(at: child)
    }

    private func read(_ descriptor: Int32, _ stream: String, _ level: Logger.Level, pid: Int32) {
        var logger = self.logger
        logger[metadataKey: "pid"] = "\(pid)"
        let clock = self.tools.clock
        NIOPipeBootstrap(group: self.tools.loop)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .channelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ChildOutputHandler(stream: stream, level: level, logger: logger, clock: clock)
                    )
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
            .whenComplete { outcome in
                switch outcome {
                case .success(let channel):
                    self.outputs[ObjectIdentifier(channel)] = channel
                    channel.closeFuture.whenComplete { _ in
                        self.outputs[ObjectIdentifier(channel)] = nil
                        if let child = self.child, child.pid == pid { self.look(at: child) }
                    }
                case .failure(let error):
                    Glibc.close(descriptor)
                    self.logger.error("a consumer's \(stream) cannot be read", metadata: ["reason": "\(error)"])
                }
            }
    }

    // MARK: End of a child

    /// A pipe of the child has closed.
    private func look(at child: RunningChild) {
        child.pace = RunningChild.first
        self.watch(child)
    }

    private func watch(_ child: RunningChild) {
        child.watch?.cancel()
        child.watch = self.tools.schedule(at: self.tools.now + child.pace) { [weak self, weak child] in
            guard let self, let child, self.child === child else { return }
            guard let exit = ChildSpawner.collect(child.pid) else {
                if child.pace < RunningChild.calm { child.pace = min(child.pace * 2, RunningChild.slowest) }
                return self.watch(child)
            }
            child.forget()
            self.child = nil
            self.closeOutputs()
            self.logger.debug("a consumer ended", metadata: ["pid": "\(child.pid)", "status": "\(exit)"])
            self.handle(.exited(exit))
            self.finishIfDrained()
        }
    }
}
