/// One thing that goes wrong.
enum SoakFault {
    /// Open connections end or go dumb. All of the kind, or one account's.
    case kill(socket: String, how: String, account: String?)
    case outage(milliseconds: Int)
    /// A symbol's subscriptions get nothing any more; if it sticks, new ones neither.
    case silence(symbol: String, sticks: Bool, milliseconds: Int)
    case condition(Condition)
    /// `kill -9` of the daemon, and a new one.
    case crash
    /// SIGTERM, and a new one.
    case restart

    /// Something that lasts.
    struct Condition {
        let name: String
        let fields: [String: JSONField]
        let off: [String: JSONField]
        var milliseconds: Int
        /// Rows are dropped, damaged or overtaken meanwhile, so that the net of several changes may be told; and so much longer.
        var disturbsRows = false
        var rowDelay = 0
        /// Happens at the beginning, for conditions that only meet new connections.
        var kill: (socket: String, how: String, account: String?)?
    }

    var name: String {
        switch self {
        case .kill(let socket, let how, let account): "\(how) \(account == nil ? socket : "one account")"
        case .outage: "outage"
        case .silence(_, let sticks, _): sticks ? "silence, sticky" : "silence"
        case .condition(let condition): condition.name
        case .crash: "kill -9 of the daemon"
        case .restart: "SIGTERM of the daemon"
        }
    }

    /// Nobody gets any mark until the client has found out.
    var silencesPublic: Bool {
        guard case .kill(let socket, let how, nil) = self, socket != "private" else { return false }
        return ["half_open", "stall"].contains(how)
    }
}

/// Which faults come in which order: the same for the same seed.
struct FaultSchedule {
    private let accounts: [String]
    private let symbols: [String]
    private var blows: Seeded
    private var weather: Seeded

    init(seed: UInt64, accounts: [String], symbols: [String]) {
        self.accounts = accounts
        self.symbols = symbols
        self.blows = Seeded(state: seed)
        self.weather = Seeded(state: seed &* 0x2545_F491_4F6C_DD1D)
    }

    // MARK: Blows

    /// What strikes at once and is over, or is for the client to find.
    mutating func nextBlow() -> SoakFault {
        let ends = ["reset", "drop", "close"]
        let cripples = ["half_open", "stall", "drop_pongs"]
        switch self.blows.below(100) {
        case ..<18: return .kill(socket: "public", how: ends[self.blows.below(3)], account: nil)
        case ..<26: return .kill(socket: "public", how: cripples[self.blows.below(3)], account: nil)
        case ..<32: return .kill(socket: "private", how: ends[self.blows.below(3)], account: nil)
        case ..<36: return .kill(socket: "private", how: cripples[self.blows.below(3)], account: nil)
        case ..<42: return .kill(socket: "all", how: ends[self.blows.below(3)], account: nil)
        case ..<45: return .kill(socket: "all", how: cripples[self.blows.below(3)], account: nil)
        case ..<72: return .kill(socket: "private", how: ends[self.blows.below(3)], account: self.account(&self.blows))
        case ..<86:
            return .kill(socket: "private", how: cripples[self.blows.below(3)], account: self.account(&self.blows))
        case ..<92: return .outage(milliseconds: 500 + self.blows.below(3_500))
        default: return .silence(symbol: self.symbol(&self.blows), sticks: false, milliseconds: 0)
        }
    }

    mutating func blowPause() -> Int { 1_500 + self.blows.below(4_500) }

    // MARK: Weather

    mutating func nextCondition() -> SoakFault {
        let duration = 2_000 + self.weather.below(6_000)
        switch self.weather.below(24) {
        case 0: return self.rows("garble", "garble", .number(3 + self.weather.below(20)), duration)
        case 1: return self.frames("split", "split_frames", .number(20 + self.weather.below(200)), duration)
        case 2: return self.frames("fragment", "fragment_frames", .number(40 + self.weather.below(200)), duration)
        case 3: return self.rows("reorder rows", "reorder_rows", .flag(true), duration)
        case 4: return self.frames("duplicate rows", "duplicate_rows", .flag(true), duration)
        case 5: return self.rows("drop rows", "drop_rows", .flag(true), duration)
        case 6: return self.rows("delay rows", "delay_rows", .number(100 + self.weather.below(1_500)), duration)
        case 7: return self.frames("unknown fields", "unknown_fields", .flag(true), duration)
        case 8: return self.rest("REST 10006", ["ret_code": .number(10006), "no_reset_header": self.coin()], duration)
        case 9: return self.rest("REST 403", ["status": .number(403), "html": self.coin()], min(duration, 3_000))
        case 10: return self.rest("REST 5xx", ["status": .number(500 + self.weather.below(5))], duration)
        case 11: return self.rest("REST HTML", ["html": .flag(true)], duration)
        case 12: return self.rest("REST slow", ["delay_ms": .number(300 + self.weather.below(3_000))], duration)
        case 13: return self.rest("REST reply lost", ["drop_reply": .flag(true)], duration)
        case 14: return self.frames("partial sweep", "partial_sweep", .number(1), duration)
        case 15: return self.frames("stale sweep", "stale_sweep", .number(500 + self.weather.below(3_500)), duration)
        case 16: return self.meeting("ack delay", ["ack_delay_ms": .number(200 + self.weather.below(2_800))], duration)
        case 17: return self.frames("pongs dropped", "drop_pongs", .flag(true), duration)
        case 18: return self.frames("pongs late", "pong_delay_ms", .number(500 + self.weather.below(2_000)), duration)
        case 19:
            let delay = JSONField.number(500 + self.weather.below(3_500))
            return self.meeting("auth delay", ["auth": .object(["delay_ms": delay])], duration)
        case 20: return self.meeting("auth reject", ["auth": .object(["reject": .flag(true)])], duration)
        case 21: return self.meeting("auth never", ["auth": .object(["never": .flag(true)])], duration)
        case 22:
            let status = JSONField.number([502, 503, 429, 403][self.weather.below(4)])
            let refusal = ["status": status, "html": self.coin()]
            return self.meeting("upgrade refused", ["refuse_upgrades": .object(refusal)], min(duration, 4_000))
        default:
            return .silence(symbol: self.symbol(&self.weather), sticks: true, milliseconds: 2_000 + duration)
        }
    }

    mutating func conditionPause() -> Int { 1_000 + self.weather.below(4_000) }

    private func frames(_ name: String, _ key: String, _ value: JSONField, _ duration: Int) -> SoakFault {
        .condition(.init(name: name, fields: [key: value], off: [key: .number(0)], milliseconds: duration))
    }

    private func rows(_ name: String, _ key: String, _ value: JSONField, _ duration: Int) -> SoakFault {
        var condition = SoakFault.Condition(
            name: name,
            fields: [key: value],
            off: [key: .number(0)],
            milliseconds: duration,
            disturbsRows: true
        )
        if key == "delay_rows", case .number(let delay) = value { condition.rowDelay = delay }
        return .condition(condition)
    }

    private func rest(_ name: String, _ fields: [String: JSONField], _ duration: Int) -> SoakFault {
        let fault = fields.merging(["path": .string("/v5")]) { $1 }
        return .condition(
            .init(name: name, fields: ["rest": .object(fault)], off: ["rest": .number(0)], milliseconds: duration)
        )
    }

    /// For faults that only new connections meet: some have to be made.
    private mutating func meeting(_ name: String, _ fields: [String: JSONField], _ duration: Int) -> SoakFault {
        var condition = SoakFault.Condition(
            name: name,
            fields: fields,
            off: fields.mapValues { _ in .number(0) },
            milliseconds: duration
        )
        switch self.weather.below(4) {
        case 0: condition.kill = ("all", "reset", nil)
        case 1: condition.kill = ("private", "close", nil)
        default: condition.kill = ("private", "reset", self.account(&self.weather))
        }
        return .condition(condition)
    }

    private mutating func coin() -> JSONField { .flag(self.weather.below(2) == 0) }
    private func account(_ random: inout Seeded) -> String { self.accounts[random.below(self.accounts.count)] }
    private func symbol(_ random: inout Seeded) -> String { self.symbols[random.below(self.symbols.count)] }
}
