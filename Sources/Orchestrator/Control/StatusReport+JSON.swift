public import NIOCore

// Written by hand: two thousand accounts with their positions are half a million values, and a reflective encoder needs
// a second for them.
extension StatusReport {
    /// Appends the report as one JSON object on one line, without a line feed, keys in the contract's order.
    public func write(into buffer: inout ByteBuffer) {
        let json = ReportWriter(buffer: buffer)
        // The writer's copy is the only one from here on, or every write would copy the storage.
        buffer = ByteBuffer()
        json.raw("{\"schema_version\":").integer(StatusReport.schemaVersion)
        json.raw(",\"instance\":").string(self.instance)
        json.raw(",\"pid\":").integer(self.pid)
        json.raw(",\"started_at\":").string(self.startedAt.description)
        json.raw(",\"revision\":").integer(self.revision)
        json.raw(",\"health\":").string(self.health.rawValue)
        json.raw(",\"tickers\":")
        self.tickers.write(to: json)
        json.raw(",\"budgets\":")
        self.budgets.write(to: json)
        json.raw(",\"accounts\":").array(self.accounts) { $0.write(to: $1) }
        json.raw("}")
        buffer = json.buffer
    }

    /// The report as JSON bytes.
    public func json() -> ByteBuffer {
        var buffer = ByteBuffer()
        let positions = self.accounts.reduce(0) { $0 + $1.positions.count }
        buffer.reserveCapacity(1024 + self.accounts.count * 640 + positions * 256)
        self.write(into: &buffer)
        return buffer
    }
}

extension StatusReport.Tickers {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"state\":").string(self.state.rawValue)
        json.raw(",\"desired\":").integer(self.desired)
        json.raw(",\"active\":").integer(self.active)
        json.raw(",\"receiving\":").integer(self.receiving)
        json.raw(",\"quarantined\":").array(self.quarantined) { $1.string($0) }
        json.raw(",\"connects\":").integer(self.connects)
        json.raw(",\"last_frame_age_ms\":").integer(self.lastFrameAge)
        json.raw(",\"last_error\":").string(self.lastError)
        json.raw("}")
    }
}

extension StatusReport.Budgets {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"connections_used\":").integer(self.connectionsUsed)
        json.raw(",\"connections_limit\":").integer(self.connectionsLimit)
        json.raw(",\"rest_used\":").integer(self.restUsed)
        json.raw(",\"rest_limit\":").integer(self.restLimit)
        json.raw("}")
    }
}

extension StatusReport.Account {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"name\":").string(self.name)
        json.raw(",\"enabled\":").boolean(self.enabled)
        json.raw(",\"state\":").string(self.state.rawValue)
        json.raw(",\"health\":").string(self.health.rawValue)
        json.raw(",\"mode\":").string(self.mode)
        json.raw(",\"configured_mode\":").string(self.configuredMode)
        json.raw(",\"override\":").string(self.override)
        json.raw(",\"driver\":").string(self.driver.rawValue)
        json.raw(",\"dry_run\":").boolean(self.dryRun)
        json.raw(",\"private\":")
        self.privateSession.write(to: json)
        if let counts = self.positionCounts {
            json.raw(",\"position_counts\":{\"open\":").integer(counts.open)
            json.raw(",\"stale\":").integer(counts.stale)
            json.raw(",\"unprotected\":").integer(counts.unprotected)
            json.raw("}")
        } else {
            json.raw(",\"positions\":").array(self.positions) { $0.write(to: $1) }
        }
        json.raw(",\"events\":")
        self.events.write(to: json)
        json.raw(",\"reconnects_1h\":").integer(self.reconnectsLastHour)
        json.raw(",\"errors_1h\":").integer(self.errorsLastHour)
        json.raw(",\"last_error\":").string(self.lastError)
        if let rollout = self.rollout {
            json.raw(",\"rollout\":")
            rollout.write(to: json)
        }
        if let drain = self.drain {
            json.raw(",\"drain\":")
            drain.write(to: json)
        }
        json.raw("}")
    }
}

extension StatusReport.PrivateSession {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"state\":").string(self.state.rawValue)
        json.raw(",\"connects\":").integer(self.connects)
        json.raw(",\"last_frame_age_ms\":").integer(self.lastFrameAge)
        json.raw("}")
    }
}

extension StatusReport.Events {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"emitted\":").integer(self.emitted)
        json.raw(",\"per_second\":").tenths(self.perSecond)
        json.raw(",\"conflated\":").integer(self.conflated)
        json.raw(",\"last_age_ms\":").integer(self.lastAge)
        json.raw(",\"latency_p50_us\":").integer(self.latencyP50)
        json.raw(",\"latency_p99_us\":").integer(self.latencyP99)
        json.raw("}")
    }
}

extension StatusReport.Position {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"symbol\":").string(self.symbol)
        json.raw(",\"position_idx\":").integer(self.positionIndex)
        json.raw(",\"side\":").string(self.side)
        json.raw(",\"size\":").string(self.size)
        json.raw(",\"entry_price\":").string(self.entryPrice)
        json.raw(",\"mark_price\":").string(self.markPrice)
        json.raw(",\"mark_age_ms\":").integer(self.markAge)
        json.raw(",\"stale\":").boolean(self.stale)
        json.raw(",\"unrealized_pnl\":").string(self.unrealizedPnL)
        json.raw(",\"stop_loss\":").string(self.stopLoss)
        if let unprotected = self.unprotected {
            json.raw(",\"unprotected\":").boolean(unprotected)
        }
        if let trailing = self.trailing {
            json.raw(",\"trailing\":{\"state\":").string(trailing.state)
            json.raw(",\"peak\":").string(trailing.peak)
            json.raw(",\"stop\":").string(trailing.stop)
            json.raw("}")
        }
        if let aged = self.aged {
            json.raw(",\"aged\":{\"phase\":").string(aged.phase)
            json.raw(",\"age_ms\":").integer(aged.age)
            json.raw("}")
        }
        json.raw("}")
    }
}
