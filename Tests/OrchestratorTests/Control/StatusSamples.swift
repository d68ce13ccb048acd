import Orchestrator

/// Reports to test with.
enum StatusSamples {
    /// The contract's own example.
    static let contract = """
        {"schema_version":1,"instance":"default","pid":4242,"started_at":"2026-01-02T03:04:05.678Z","revision":7,"health":"degraded",
         "tickers":{"state":"live","desired":42,"active":42,"receiving":41,"quarantined":["XYZUSDT"],"connects":1,"last_frame_age_ms":12,"last_error":null},
         "budgets":{"connections_used":12,"connections_limit":400,"rest_used":3,"rest_limit":100},
         "accounts":[
          {"name":"sub-001","enabled":true,"state":"live","health":"healthy","mode":"hybrid","configured_mode":"hybrid","override":null,
           "driver":"hybrid","dry_run":true,"private":{"state":"live","connects":1,"last_frame_age_ms":850},
           "positions":[{"symbol":"BTCUSDT","position_idx":0,"side":"Buy","size":"0.5","entry_price":"60000","mark_price":"60123.4",
                         "mark_age_ms":85,"stale":false,"unrealized_pnl":"61.7","stop_loss":"58000"}],
           "events":{"emitted":18233,"per_second":9.8,"conflated":0,"last_age_ms":85,"latency_p50_us":60,"latency_p99_us":310},
           "reconnects_1h":0,"errors_1h":0,"last_error":null}]}
        """

    static func report(accounts: [StatusReport.Account]) -> StatusReport {
        StatusReport(
            instance: "default",
            pid: 4242,
            startedAt: Timestamp(milliseconds: 1_767_323_045_678),
            revision: 7,
            tickers: tickers(),
            budgets: StatusReport.Budgets(connectionsUsed: 12, connectionsLimit: 400, restUsed: 3, restLimit: 100),
            accounts: accounts
        )
    }

    static func tickers(
        state: StatusReport.ConnectionState = .live,
        desired: Int = 42,
        receiving: Int = 42,
        quarantined: [String] = []
    ) -> StatusReport.Tickers {
        StatusReport.Tickers(
            state: state,
            desired: desired,
            active: desired,
            receiving: receiving,
            quarantined: quarantined,
            connects: 1,
            lastFrameAge: 12
        )
    }

    static func account(
        _ name: String,
        enabled: Bool = true,
        state: StatusReport.State = .live,
        health: StatusReport.Health = .healthy,
        positions: [StatusReport.Position] = [],
        lastError: String? = nil
    ) -> StatusReport.Account {
        StatusReport.Account(
            name: name,
            enabled: enabled,
            state: state,
            health: health,
            mode: "hybrid",
            configuredMode: "hybrid",
            driver: .hybrid,
            dryRun: true,
            privateSession: StatusReport.PrivateSession(state: .live, connects: 1, lastFrameAge: 850),
            positions: positions,
            events: StatusReport.Events(
                emitted: 18_233,
                perSecond: 9.8,
                conflated: 0,
                lastAge: 85,
                latencyP50: 60,
                latencyP99: 310
            ),
            lastError: lastError
        )
    }

    static func position(_ symbol: String = "BTCUSDT", stale: Bool = false, unprotected: Bool? = nil)
        -> StatusReport.Position
    {
        StatusReport.Position(
            symbol: symbol,
            positionIndex: 0,
            side: "Buy",
            size: "0.5",
            entryPrice: "60000",
            markPrice: "60123.4",
            markAge: 85,
            stale: stale,
            unrealizedPnL: "61.7",
            stopLoss: "58000",
            unprotected: unprotected
        )
    }
}
