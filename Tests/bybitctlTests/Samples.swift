import Orchestrator

/// Reports to render.
enum Samples {
    static let now = Timestamp(milliseconds: 1_767_323_045_678 + 11_520_000)

    static func report(_ accounts: [StatusReport.Account], wholeFleet: Bool = true) -> StatusReport {
        var report = StatusReport(
            instance: "default",
            pid: 4242,
            startedAt: Timestamp(milliseconds: 1_767_323_045_678),
            revision: 7,
            tickers: StatusReport.Tickers(
                state: .live,
                desired: 2,
                active: 2,
                receiving: 2,
                quarantined: [],
                connects: 1,
                lastFrameAge: 12
            ),
            budgets: StatusReport.Budgets(connectionsUsed: 12, connectionsLimit: 400, restUsed: 3, restLimit: 100),
            accounts: accounts
        )
        report.rollUp(wholeFleet: wholeFleet)
        return report
    }

    static func account(
        _ name: String,
        enabled: Bool = true,
        state: StatusReport.State = .live,
        health: StatusReport.Health = .healthy,
        mode: String = "hybrid",
        positions: [StatusReport.Position] = [],
        lastError: String? = nil
    ) -> StatusReport.Account {
        StatusReport.Account(
            name: name,
            enabled: enabled,
            state: state,
            health: health,
            mode: mode,
            configuredMode: "hybrid",
            driver: mode == "hybrid" ? .hybrid : .rest,
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

    static func position(_ symbol: String, stale: Bool = false) -> StatusReport.Position {
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
            stopLoss: ""
        )
    }
}
