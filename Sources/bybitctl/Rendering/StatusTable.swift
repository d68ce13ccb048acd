import Orchestrator

/// A status report for people.
struct StatusTable {
    let report: StatusReport
    let terminal: Terminal
    let now: Timestamp

    /// The instance, its ticker connection, and one row per account.
    /// - Parameter isWide: every figure, and the last error.
    func text(isWide: Bool) -> String {
        self.heading() + "\n" + self.accounts(isWide: isWide)
    }

    /// What accounts that are draining wait for; nothing if there is none.
    func drains() -> String {
        self.report.accounts.filter { $0.drain?.blockers.isEmpty == false }.map { account in
            let blockers = (account.drain?.blockers ?? []).map { "  \(StatusTable.oneLine($0))\n" }
            return "\(account.name) is draining, and waits for:\n" + blockers.joined()
        }.joined()
    }

    /// One row per gate of the accounts in the report; nothing if there is none.
    func gates() -> String {
        GateTable(terminal: self.terminal)
            .text(of: self.report.accounts.map { ($0.name, $0.rollout?.gates ?? []) })
    }

    /// One row per position of the accounts in the report; nothing if there is none.
    func positions() -> String {
        var table = TextTable([
            .init("ACCOUNT"), .init("SYMBOL"), .init("IDX", .right), .init("SIDE"), .init("SIZE", .right),
            .init("ENTRY", .right), .init("MARK", .right), .init("MARK AGE", .right), .init("PNL", .right),
            .init("STOP", .right), .init("NOTE"),
        ])
        for account in self.report.accounts {
            for position in account.positions {
                table.append([
                    .init(account.name), .init(position.symbol), .init("\(position.positionIndex)"),
                    .init(position.side), .init(position.size), .init(position.entryPrice),
                    .init(StatusTable.dashed(position.markPrice)),
                    .init(AgeText.of(position.markAge), position.stale ? .warning : .plain),
                    .init(StatusTable.dashed(position.unrealizedPnL)), .init(StatusTable.dashed(position.stopLoss)),
                    StatusTable.note(position),
                ])
            }
        }
        return table.text(self.terminal)
    }

    private func heading() -> String {
        let report = self.report
        let health = StatusTable.style(report.health).applied(to: report.health.rawValue, self.terminal)
        let age = AgeText.of(self.now.milliseconds - report.startedAt.milliseconds)
        let tickers = report.tickers
        var feed = "tickers \(tickers.state.rawValue)"
        if tickers.desired > 0 {
            feed += ", \(tickers.receiving) of \(tickers.desired) symbols receiving"
            feed += ", last frame \(AgeText.of(tickers.lastFrameAge)) ago"
        }
        if tickers.state != .live, tickers.state != .idle, let error = tickers.lastError { feed += ", \(error)" }
        if !tickers.quarantined.isEmpty { feed += ", refused: \(tickers.quarantined.joined(separator: " "))" }
        let budgets = report.budgets
        return """
            \(report.instance): \(health), pid \(report.pid), up \(age), revision \(report.revision)
            \(feed)
            connections \(budgets.connectionsUsed)/\(budgets.connectionsLimit), \
            REST \(budgets.restUsed)/\(budgets.restLimit)

            """
    }

    private func accounts(isWide: Bool) -> String {
        var columns: [TextTable.Column] = [
            .init("NAME"), .init("STATE"), .init("HEALTH"), .init("MODE"), .init("DRIVER"), .init("ORDERS"),
            .init("POSITIONS", .right), .init("EVENTS/S", .right), .init("LAST EVENT", .right),
        ]
        if isWide {
            columns += [
                .init("GATES"), .init("OVERRIDE"), .init("PRIVATE"), .init("CONNECTS", .right),
                .init("LAST FRAME", .right), .init("EVENTS", .right),
                .init("CONFLATED", .right), .init("P50", .right), .init("P99", .right),
                .init("RECONNECTS/H", .right), .init("ERRORS/H", .right), .init("LAST ERROR"),
            ]
        }
        var table = TextTable(columns)
        for account in self.report.accounts {
            table.append(StatusTable.cells(account) + (isWide ? StatusTable.wideCells(account) : []))
        }
        return table.text(self.terminal)
    }

    private static func cells(_ account: StatusReport.Account) -> [TextTable.Cell] {
        guard account.enabled else {
            return [
                .init(account.name), .init(account.state.rawValue, .faint), "-",
                .init(account.configuredMode + (account.override == nil ? "" : " (override)")), "-", "-", "-", "-", "-",
            ]
        }
        let style = account.isCounted ? StatusTable.style(account.health) : .faint
        let counts = account.counts
        var positions = "\(counts.open)"
        if counts.stale > 0 { positions += " (\(counts.stale) stale)" }
        if counts.unprotected > 0 { positions += " (\(counts.unprotected) unprotected)" }
        return [
            .init(account.name), .init(account.state.rawValue, style),
            // Nobody expects anything of a drained account.
            .init(account.isCounted ? account.health.rawValue : "-", style),
            .init(StatusTable.mode(account), account.mode == account.configuredMode ? .plain : .warning),
            .init(account.driver.rawValue), .init(account.dryRun ? "dry run" : "sent"), .init(positions),
            .init(StatusTable.tenths(account.events.perSecond)), .init(AgeText.of(account.events.lastAge)),
        ]
    }

    private static func wideCells(_ account: StatusReport.Account) -> [TextTable.Cell] {
        [
            StatusTable.gates(account.rollout), .init(StatusTable.oneLine(account.override)),
            .init(account.privateSession.state.rawValue), .init("\(account.privateSession.connects)"),
            .init(AgeText.of(account.privateSession.lastFrameAge)), .init("\(account.events.emitted)"),
            .init("\(account.events.conflated)"), .init(StatusTable.microseconds(account.events.latencyP50)),
            .init(StatusTable.microseconds(account.events.latencyP99)), .init("\(account.reconnectsLastHour)"),
            .init("\(account.errorsLastHour)"), .init(StatusTable.oneLine(account.lastError)),
        ]
    }

    /// `cutover 50 (file: hybrid)`; an override that leaves the file's mode is marked too.
    private static func mode(_ account: StatusReport.Account) -> String {
        let step = account.rollout?.step.map { " \($0)" } ?? ""
        if account.mode != account.configuredMode { return "\(account.mode)\(step) (file: \(account.configuredMode))" }
        return account.mode + step + (account.override == nil ? "" : " (override)")
    }

    /// The verdict, and which gate stands in the way.
    private static func gates(_ rollout: StatusReport.Rollout?) -> TextTable.Cell {
        guard let rollout, !rollout.gates.isEmpty else { return "-" }
        let names = rollout.gates.filter { $0.verdict == rollout.verdict && $0.verdict != .holds }.map(\.name)
        let text = rollout.verdict.rawValue + (names.isEmpty ? "" : ": \(names.joined(separator: ", "))")
        return .init(text, GateTable.style(rollout.verdict))
    }

    private static func note(_ position: StatusReport.Position) -> TextTable.Cell {
        if position.unprotected == true { return .init("unprotected", .bad) }
        if position.stale { return .init("stale", .warning) }
        var notes: [String] = []
        if let trailing = position.trailing { notes.append("trailing \(trailing.state)") }
        if let aged = position.aged { notes.append("\(aged.phase) \(AgeText.of(aged.age))") }
        return .init(notes.joined(separator: ", "))
    }

    static func style(_ health: StatusReport.Health) -> TextStyle {
        switch health {
        case .healthy: .good
        case .degraded: .warning
        case .critical: .bad
        }
    }

    static func tenths(_ value: Double) -> String {
        let scaled = (value * 10).rounded()
        guard scaled.isFinite, scaled.magnitude < 1e15 else { return "-" }
        return "\(Int64(scaled) / 10).\(Int64(scaled.magnitude) % 10)"
    }

    private static func microseconds(_ value: Int64?) -> String {
        value.map { "\($0)us" } ?? "-"
    }

    private static func dashed(_ text: String) -> String { text.isEmpty ? "-" : text }

    /// An error's text may come from the exchange; a row stays a row.
    private static func oneLine(_ text: String?) -> String {
        guard let text else { return "-" }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 })
        )
    }
}
