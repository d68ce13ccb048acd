import HybridStream
public import Logging
import NIOCore
import Synchronization

/// The running fleet: from a checked configuration to streams, pipelines, sinks and the control socket, and back.
///
/// ``run()`` holds until ``stop()``. Accounts are independent: one that fails is reported, the others go on.
public final class Orchestrator: Sendable {
    let configuration: Configuration
    let options: OrchestratorOptions
    let plan: StartPlan
    let location: InstanceLocation
    let logger: Logger
    let startedAt = WallClock.milliseconds()
    let state = Mutex(State())
    private let stopSignal = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    private let ready = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// What exists while the fleet runs.
    struct State {
        var services: FleetServices?
        var store: Store?
        var fleet: Fleet?
        var followers: [ObjectIdentifier: EventFollower] = [:]
        /// Queues of those who read from a socket sink.
        var readers: [ObjectIdentifier: EventQueue] = [:]
        /// Sinks that do not work now, by their queue.
        var failingSinks: [ObjectIdentifier: (name: String, trouble: SinkTrouble)] = [:]
        var isStopping = false
    }

    /// Checks everything that can be checked without opening anything.
    /// - Throws: ``OrchestratorError`` or ``InstanceError``.
    public init(configuration: Configuration, options: OrchestratorOptions, logger: Logger) throws {
        self.configuration = configuration
        self.options = options
        self.plan = try StartPlan(configuration, options: options)
        self.location = try InstanceLocation(
            stateDirectory: configuration.runtime.stateDirectory,
            instance: configuration.instance
        )
        self.logger = logger
    }

    /// What an operator should know before trusting the start.
    public var warnings: [String] { self.plan.warnings }

    public var controlSocket: String { self.location.controlSocket }

    /// Ends ``run()``: sockets are closed with 1000, queues flushed, the store closed. Does nothing the second time.
    public func stop() {
        self.stopSignal.continuation.yield()
        self.stopSignal.continuation.finish()
    }

    /// Returns when the control socket answers and every enabled account has reached a first settled state: true. False
    /// if the fleet ended before.
    public func waitUntilReady() async -> Bool {
        for await _ in self.ready.stream { return true }
        return false
    }

    /// - Throws: ``OrchestratorError``, ``InstanceError``, ``StoreError``: why the fleet could not start.
    public func run() async throws {
        defer { self.ready.continuation.finish() }
        for warning in self.warnings { self.logger.warning("\(warning)") }
        try OpenFiles.secure(for: self.plan)
        let lock = try InstanceLock.acquire(self.location)
        let store = try Store.open(path: self.location.storeFile) { [weak self] trouble in
            self?.storeChanged(trouble)
        }
        self.tellWhatWasSetAside(store)
        let services: FleetServices
        do {
            services = try FleetServices(self.configuration, endpoints: self.plan.endpoints, logger: self.logger)
        } catch {
            try await store.close()
            throw error
        }
        self.state.withLock { state in
            state.services = services
            state.store = store
        }
        let sinks = EventSinks(
            store: store,
            logger: self.logger,
            onChange: { [weak self] queue, name, trouble in self?.sinkChanged(queue, name, trouble) },
            onReader: { [weak self] queue, isThere in self?.readerChanged(queue, isThere: isThere) }
        )
        let fleet = Fleet(
            self.configuration,
            options: self.options,
            services: services,
            store: store,
            sinks: sinks,
            logger: self.logger,
            introduce: { [weak self] supervisor in
                self?.attachFollowers(to: supervisor)
                self?.introduce(supervisor)
            },
            sinksEnded: { [weak self] queues in
                self?.state.withLock { state in
                    for queue in queues { state.failingSinks[ObjectIdentifier(queue)] = nil }
                }
            }
        )
        self.state.withLock { $0.fleet = fleet }
        let outcome = await self.operate(fleet, lock: lock, store: store, services: services, sinks: sinks)
        let isComplete = await self.shutDown(services: services, sinks: sinks, store: store)
        try outcome.get()
        if !isComplete {
            throw OrchestratorError(
                .io,
                "stopped, but not everything could be written or closed; the log says what and why"
            )
        }
    }

    private func operate(
        _ fleet: Fleet,
        lock: InstanceLock,
        store: Store,
        services: FleetServices,
        sinks: EventSinks
    ) async -> Result<Void, any Error> {
        let control = ControlServer(lock: lock, backend: self, logger: self.logger)
        return await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                // Not cancelled with the others: followers get the end of their streams, not a broken one.
                let serving = Task { try await control.run() }
                do {
                    try await serving.value
                    return nil
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                do {
                    try await control.waitUntilListening()
                    try await self.startAccounts(fleet, store: store, services: services, sinks: sinks)
                } catch is CancellationError {
                    return nil
                } catch {
                    return .failure(error)
                }
                self.ready.continuation.yield()
                return nil
            }
            group.addTask {
                for await _ in self.stopSignal.stream { break }
                return .success(())
            }
            // The first that has an outcome ends it: the stop signal, or what made it impossible to go on.
            var outcome: Result<Void, any Error> = .success(())
            while let finished = await group.next() {
                if let finished {
                    outcome = finished
                    break
                }
            }
            await fleet.stop()
            self.beginStopping(services)
            await control.stop()
            group.cancelAll()
            while await group.next() != nil {}
            return outcome
        }
    }

    // MARK: Start

    private func startAccounts(
        _ fleet: Fleet,
        store: Store,
        services: FleetServices,
        sinks: EventSinks
    ) async throws {
        await self.synchronizeClock(services)
        let loops = services.loops
        FleetLoop.connect(services.loops, to: services.feed)
        await services.keepTickSizes(at: self.location.tickSizeFile, logger: self.logger)
        try await fleet.begin(floors: self.numberFloors(store))
        await sinks.filled()
        // Accounts that do not run now get what was left for them when they do, be it by the file that was brought back
        // or by the one on the disk.
        let known = self.plan.all + (await fleet.configuration.accounts)
        store.forgetToldEvents(ofOthersThan: Set(known.map(\.name)))
        self.watchFeed(services, store)
        // Accounts that were added before the end began are told not to wait; later ones are not added.
        if self.state.withLock({ $0.isStopping }) { return }
        for loop in loops {
            let settled = try await loop.collect { $0.whenSettled() }
            for future in settled { try await future.get() }
        }
    }

    /// What gates have measured is stored every so many seconds.
    private static let looksPerRecord = 10

    /// Once a second every account looks how its stream does.
    private func watchFeed(_ services: FleetServices, _ store: Store) {
        let (feed, time) = (services.feed, services.stream.environment.time)
        let watch = Mutex(FeedWatch())
        let looks = Mutex(0)
        feed.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            let state = watch.withLock { $0.look(feed.makeSnapshot(), now: time.uptime()) }
            let isKept = looks.withLock { looks in
                looks += 1
                return looks % Self.looksPerRecord == 0
            }
            for loop in services.loops {
                loop.eventLoop.execute {
                    for account in loop.accounts {
                        account.judge(state)
                        guard isKept, let memory = account.rolloutMemory() else { continue }
                        store.record(rollout: memory, account: account.name)
                    }
                }
            }
        }
    }

    /// Without the exchange's time nothing can be signed well; without the exchange the accounts start all the same, and
    /// go on asking.
    private func synchronizeClock(_ services: FleetServices) async {
        do {
            try await services.rest.synchronizeClock()
        } catch {
            self.logger.warning(
                "the exchange's clock could not be read; going on with this host's",
                metadata: ["reason": "\(error)"]
            )
        }
    }

    /// The store cannot write, or can again: nobody's book would survive the process meanwhile.
    private func storeChanged(_ trouble: StoreError?) {
        if let trouble {
            self.logger.error(
                "the store cannot write; what it has not written is kept",
                metadata: ["reason": "\(trouble)"]
            )
        } else {
            self.logger.notice("the store writes again")
        }
        guard let services = self.state.withLock({ $0.services }) else { return }
        for loop in services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts { account.storeChanged(trouble) }
            }
        }
    }

    // MARK: End

    /// Followers learn that the stream ends; nobody waits for accounts that will not settle.
    private func beginStopping(_ services: FleetServices) {
        let followers = self.state.withLock { state in
            state.isStopping = true
            return Array(state.followers.values)
        }
        for follower in followers { follower.queue.finish() }
        for loop in services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts { account.abandonWaiting() }
            }
        }
    }

    /// In the order in which nothing is lost: streams, feed, sinks, store, connections, loops.
    /// - Returns: whether all of it went well.
    private func shutDown(services: FleetServices, sinks: EventSinks, store: Store) async -> Bool {
        self.logger.info("stopping")
        var isComplete = await self.attempt("closing the streams") {
            for loop in services.loops {
                let accounts = try await loop.collect { $0 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for account in accounts { group.addTask { try await account.stop() } }
                    try await group.waitForAll()
                }
                try await loop.eventLoop.submit { loop.pipeline.batchEnded() }.get()
            }
            try await services.feed.stop().get()
        }
        let end = await sinks.close()
        if end.hasAllTold { store.forgetToldEvents() }
        if !end.isComplete {
            isComplete = false
            self.logger.error("not every event could be delivered to its sink before the end; see the messages above")
        }
        let isStored = await self.attempt("storing the last numbers") {
            for loop in services.loops {
                for (name, number) in try await loop.collect({ ($0.name, $0.pipeline.lastNumber) }) {
                    store.settle(account: name, lastNumber: number)
                }
            }
        }
        let isClosed = await self.attempt("closing the store") { try await store.close() }
        _ = await self.attempt("closing REST") { try await services.rest.shutdown() }
        _ = await self.attempt("ending the loops") { try await services.group.shutdownGracefully() }
        self.state.withLock { state in
            state.services = nil
            state.store = nil
            state.fleet = nil
        }
        self.logger.info("stopped")
        return isComplete && isStored && isClosed
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return true
        } catch {
            self.logger.error("\(what) failed", metadata: ["reason": "\(error)"])
            return false
        }
    }
}
