package import HybridStream

extension AccountSupervisor {
    /// Takes the account's part of a status report, on its loop.
    /// - Parameter lastFrames: by symbol, when the ticker feed last heard of it.
    package func report(includePositions: Bool, lastFrames: [String: Uptime]) -> StatusReport.Account {
        let now = self.loop.clock.uptime()
        let snapshot = self.stream?.snapshot(includePositions: true)
        let positions = (snapshot?.positions ?? []).map { self.position($0, lastFrames: lastFrames, now: now) }
        let counts = StatusReport.PositionCounts(of: positions)
        let state: StatusReport.State = snapshot?.state.reportState ?? .starting
        var health = StatusReport.Health.ofAccount(enabled: true, state: state, counts: counts)
        let trouble = self.ownTrouble
        if trouble != nil || (snapshot?.unreadableRows ?? 0) > 0 {
            health = max(health, .degraded)
        }
        let metrics = self.pipeline.metrics
        let wall = self.loop.clock.wall()
        var events = StatusReport.Events()
        events.emitted = metrics.emitted
        events.perSecond = metrics.eventsPerSecond
        events.conflated = metrics.conflated
        events.lastAge = metrics.lastEventTime.map { max(0, wall - $0) }
        events.latencyP50 = metrics.latencyP50.map(Int64.init)
        events.latencyP99 = metrics.latencyP99.map(Int64.init)
        let mode = self.stage.mode
        return StatusReport.Account(
            name: self.name,
            enabled: true,
            state: state,
            health: health,
            mode: mode.rawValue,
            configuredMode: self.account.configuration.mode.rawValue,
            override: nil,
            driver: (snapshot?.driver).flatMap { StatusReport.Driver(rawValue: $0.rawValue) } ?? .rest,
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
            lastError: trouble ?? snapshot?.lastError,
            rollout: StatusReport.Rollout(
                mode: mode,
                step: mode == .cutover ? self.stage.percent : nil,
                since: Timestamp(milliseconds: self.monitor.since),
                gates: self.monitor.judgement.gates
            )
        )
    }

    /// What is wrong on this host, not between it and the exchange.
    private var ownTrouble: String? {
        if let trouble = self.failingSinks.min(by: { $0.key < $1.key })?.value { return "\(trouble)" }
        return self.storeTrouble.map { "the store cannot write: \($0)" } ?? self.storeSetAside?.text
    }

    private func position(
        _ snapshot: HybridStream.PositionSnapshot,
        lastFrames: [String: Uptime],
        now: Uptime
    ) -> StatusReport.Position {
        let position = snapshot.position
        let last = lastFrames[position.key.symbol] ?? snapshot.rowTime
        let age = last.map { max(0, (now - $0).milliseconds) }
        let report = self.executor?.report(position.key)
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
            stopLoss: position.stopLoss,
            unprotected: report?.isUnprotected,
            trailing: report?.trailing.map {
                StatusReport.Trailing(
                    state: $0.state,
                    peak: $0.peak?.description ?? "",
                    stop: $0.stop?.description ?? ""
                )
            },
            aged: report?.aged.map { StatusReport.Aged(phase: $0.phase, age: $0.ageMilliseconds) }
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
