import Glibc
package import HybridStream
import Logging
import NIOCore
import Synchronization

extension Orchestrator: ControlBackend {
    public func accountNames() async -> [String] {
        guard let fleet = self.state.withLock({ $0.fleet }) else { return self.plan.all.map(\.name) }
        return await fleet.configuration.accounts.map(\.name)
    }

    public func statusReport(includePositions: Bool, accounts: [String]) async -> StatusReport {
        let services = self.state.withLock { $0.services }
        var report = StatusReport(
            instance: self.location.instance,
            pid: getpid(),
            startedAt: Timestamp(milliseconds: self.startedAt),
            revision: 0,
            tickers: StatusReport.Tickers(TickerFeed.Snapshot(), now: .now()),
            budgets: StatusReport.Budgets(connectionsUsed: 0, connectionsLimit: 0, restUsed: 0, restLimit: 0),
            accounts: []
        )
        let wanted = Set(accounts)
        var running: [String: StatusReport.Account] = [:]
        if let services {
            let feed = await self.feedSnapshot(services)
            report.tickers = StatusReport.Tickers(feed, now: .now())
            let connections = services.gate.usage
            let rest = services.rest.usage
            report.budgets = StatusReport.Budgets(
                connectionsUsed: connections.used,
                connectionsLimit: connections.limit,
                restUsed: rest.used,
                restLimit: rest.limit
            )
            for account in await self.accountReports(
                services,
                includePositions: includePositions,
                wanted: wanted,
                lastFrames: feed.lastFrames
            ) {
                running[account.name] = account
            }
        }
        guard let fleet = self.state.withLock({ $0.fleet }) else { return report }
        report.revision = await fleet.revision
        report.accounts = await fleet.complete(running, only: wanted)
        return report
    }

    private func feedSnapshot(_ services: FleetServices) async -> TickerFeed.Snapshot {
        do {
            return try await services.feed.snapshot()
        } catch {
            self.logger.warning("the ticker feed could not be asked", metadata: ["reason": "\(error)"])
            return TickerFeed.Snapshot()
        }
    }

    private func accountReports(
        _ services: FleetServices,
        includePositions: Bool,
        wanted: Set<String>,
        lastFrames: [String: Uptime]
    ) async -> [StatusReport.Account] {
        var reports: [StatusReport.Account] = []
        for loop in services.loops {
            do {
                reports += try await loop.collect { account in
                    guard wanted.isEmpty || wanted.contains(account.name) else { return nil }
                    return account.report(includePositions: includePositions, lastFrames: lastFrames)
                }
            } catch {
                self.logger.warning("an event loop could not be asked", metadata: ["reason": "\(error)"])
            }
        }
        return reports
    }

    public func actions(_ request: ActionsRequest) async throws -> ActionHistory {
        guard let store = self.state.withLock({ $0.store }) else {
            throw OrchestratorError(.io, "the journal of actions is not open: the instance is just stopping")
        }
        return try await store.actionHistory(request)
    }

    // MARK: Events

    public func follow(_ request: FollowRequest) async -> any EventSubscription {
        let filter = EventFilter(request)
        let queue = EventQueue(name: "follower", filter: filter)
        let follower = EventFollower(queue: queue, wantsShadow: request.shadow) { [weak self] follower in
            guard let self else { return }
            self.state.withLock { $0.followers[ObjectIdentifier(follower)] = nil }
            self.detach(follower)
        }
        let services = self.state.withLock { state -> FleetServices? in
            guard !state.isStopping, let services = state.services else { return nil }
            state.followers[ObjectIdentifier(follower)] = follower
            return services
        }
        guard let services else {
            follower.queue.finish()
            return follower
        }
        // Attached first, then looked back: what was recorded up to that moment comes from the record, the rest from the
        // queue, and nothing twice.
        var lastNumbers: [String: Int64] = [:]
        for loop in services.loops {
            do {
                for (name, number) in try await loop.collect({ account in
                    account.attach(follower)
                    return (account.name, account.pipeline.lastNumber)
                }) {
                    lastNumbers[name] = number
                }
            } catch {
                self.logger.warning("an event loop could not be asked", metadata: ["reason": "\(error)"])
            }
        }
        if request.sinceMilliseconds != nil || request.tail != nil {
            var lines = ByteBuffer()
            for event in services.recent.events(
                matching: filter,
                since: request.sinceMilliseconds,
                last: request.tail
            )
            where event.n <= lastNumbers[event.account] ?? .max {
                lines.writeBytes(event.line)
            }
            follower.begin(with: lines)
        }
        return follower
    }

    /// An account that starts while somebody follows joins the stream. On the account's loop.
    func attachFollowers(to account: AccountSupervisor) {
        for follower in self.state.withLock({ Array($0.followers.values) }) { account.attach(follower) }
    }

    private func detach(_ follower: EventFollower) {
        guard let services = self.state.withLock({ $0.services }) else { return }
        for loop in services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts {
                    account.pipeline.detach(follower.queue)
                    account.shadow.detach(follower.queue)
                }
            }
        }
    }
}

extension AccountSupervisor {
    fileprivate func attach(_ follower: EventFollower) {
        self.pipeline.attach(follower.queue)
        if follower.wantsShadow { self.shadow.attach(follower.queue) }
    }
}

extension StatusReport.Tickers {
    package init(_ feed: TickerFeed.Snapshot, now: Uptime) {
        self.init(
            state: feed.isLive ? .live : feed.isIdle ? .idle : feed.connects <= 1 ? .connecting : .reconnecting,
            desired: feed.desired,
            active: feed.active,
            receiving: feed.receiving,
            quarantined: feed.quarantined,
            connects: feed.connects,
            lastFrameAge: feed.lastFrame.map { max(0, (now - $0).milliseconds) },
            lastError: feed.lastClosure
        )
    }
}

extension EventFilter {
    init(_ request: FollowRequest) {
        self.init(
            accounts: request.accounts.isEmpty ? nil : Set(request.accounts),
            symbols: request.symbols.isEmpty ? nil : Set(request.symbols),
            kinds: request.causes.isEmpty
                ? .all
                : request.causes.reduce(into: EventKinds()) { kinds, name in
                    if let kind = EventKinds(name: name) { kinds.insert(kind) }
                }
        )
    }
}
