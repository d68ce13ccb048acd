extension ExchangeCore {
    /// Changes the faults that the body names; a name it does not know changes nothing at all.
    func setFaults(_ body: JSONValue) throws(ControlFailure) {
        guard case .object(let fields) = body else { return }
        var faults = self.faults
        for key in fields.keys.sorted() {
            let value = fields[key] ?? .null
            switch key {
            case "refuse_upgrades": faults.refusal = try Self.refusal(value)
            case "auth": faults.auth = try Self.auth(value)
            case "reject_topics": faults.rejectedTopics = Set((value.array ?? []).compactMap(\.text))
            case "ack_delay_ms": faults.acknowledgementDelay = Self.number(value)
            case "data_before_ack": faults.dataBeforeAcknowledgement = Self.number(value) > 0
            case "pong_delay_ms": faults.pongDelay = Self.number(value)
            case "drop_pongs": faults.dropsPongs = Self.number(value) > 0
            case "split_frames": faults.splitBytes = Int(Self.number(value))
            case "fragment_frames": faults.fragmentBytes = Int(Self.number(value))
            case "garble": faults.garbleEvery = Int(Self.number(value))
            case "reorder_rows": faults.reordersRows = Self.number(value) > 0
            case "duplicate_rows": faults.duplicatesRows = Self.number(value) > 0
            case "drop_rows": faults.rowsToDrop = value == .bool(true) ? Int.max : Int(Self.number(value))
            case "delay_rows": faults.rowDelay = Self.number(value)
            case "rest":
                faults.rest = try (value.array ?? (Self.isOff(value) ? [] : [value])).map(Self.restFault)
            case "clock_skew_ms": faults.clockSkew = value.integer ?? 0
            case "partial_sweep": faults.failingPage = value == .bool(true) ? 2 : Int(Self.number(value))
            case "stale_sweep": faults.sweepAge = Self.number(value)
            case "sweep_marks": faults.listedMarks = try Self.markSkew(value)
            case "empty_sweep": faults.emptyListings = value == .bool(true) ? Int.max : Int(Self.number(value))
            case "repeat_subscribes": faults.repeatsSubscriptions = Self.number(value) > 0
            case "unknown_fields": faults.unknownFields = Self.number(value) > 0
            case "key_state": try self.setKeyStates(value)
            case "silence": try self.silence(value)
            default: throw ControlFailure(400, "unknown fault \(key)")
            }
        }
        self.faults = faults
        if faults.sweepAge == 0 { for account in self.accounts { account.history = [] } }
        self.note(.fault, text: fields.keys.sorted().joined(separator: " "))
    }

    private static func isOff(_ value: JSONValue) -> Bool {
        value == .null || value == .bool(false) || value.integer == 0
    }

    private static func number(_ value: JSONValue) -> Int64 {
        if let flag = value.bool, value.integer == nil { return flag ? 1 : 0 }
        return max(0, value.integer ?? 0)
    }

    private static func count(_ value: JSONValue) -> Int? { value["count"]?.integer.map { Int($0) } }

    private static func refusal(_ value: JSONValue) throws(ControlFailure) -> Faults.Refusal? {
        if self.isOff(value) { return nil }
        guard let status = value["status"]?.integer, (300...599).contains(status) else {
            throw ControlFailure(400, "refuse_upgrades needs a status between 300 and 599")
        }
        let html = value["html"]?.bool ?? false
        let text = value["body"]?.text ?? (html ? "<html><body><h1>\(status)</h1></body></html>" : "refused")
        return Faults.Refusal(
            status: Int(status),
            body: text,
            left: self.count(value),
            contentType: html ? "text/html" : "text/plain"
        )
    }

    private static func markSkew(_ value: JSONValue) throws(ControlFailure) -> Faults.MarkSkew? {
        if self.isOff(value) { return nil }
        guard let perMille = value["per_mille"]?.integer, (-900...900).contains(perMille) else {
            throw ControlFailure(400, "sweep_marks needs per_mille between -900 and 900")
        }
        return Faults.MarkSkew(perMille: perMille, account: value["account"]?.text, left: self.count(value))
    }

    private static func auth(_ value: JSONValue) throws(ControlFailure) -> Faults.Auth? {
        if self.isOff(value) { return nil }
        let account = value["account"]?.text
        let left = self.count(value)
        if value["reject"]?.bool == true { return .init(mode: .reject, delay: 0, account: account, left: left) }
        if value["never"]?.bool == true { return .init(mode: .never, delay: 0, account: account, left: left) }
        guard let delay = value["delay_ms"]?.integer, delay >= 0 else {
            throw ControlFailure(400, "auth needs reject, never or delay_ms")
        }
        return .init(mode: .delay, delay: delay, account: account, left: left)
    }

    private static func restFault(_ value: JSONValue) throws(ControlFailure) -> Faults.Rest {
        guard let path = value["path"]?.text else { throw ControlFailure(400, "a rest fault needs a path prefix") }
        var fault = Faults.Rest(path: path)
        fault.account = value["account"]?.text
        fault.status = value["status"]?.integer.map { Int($0) }
        fault.retCode = value["ret_code"]?.integer.map { Int($0) }
        fault.retMessage = value["ret_msg"]?.text ?? (fault.retCode == 10006 ? "Too many visits!" : "System error.")
        fault.html = value["html"]?.bool ?? false
        fault.withoutResetHeader = value["no_reset_header"]?.bool ?? false
        fault.delay = max(0, value["delay_ms"]?.integer ?? 0)
        fault.dropsReply = value["drop_reply"]?.bool ?? false
        fault.left = self.count(value)
        fault.skip = Int(max(0, value["skip"]?.integer ?? 0))
        return fault
    }

    private func setKeyStates(_ value: JSONValue) throws(ControlFailure) {
        guard case .object(let states) = value else {
            throw ControlFailure(400, "key_state is an object of account: state")
        }
        for name in states.keys.sorted() {
            guard let account = self.accountByName[name] else { throw ControlFailure(404, "unknown account \(name)") }
            guard let state = states[name]?.text.flatMap({ KeyState(rawValue: $0) }) else {
                throw ControlFailure(400, "key state must be good, expired, ip, wrong_env or read_only")
            }
            account.keyState = state
        }
    }

    /// Existing subscriptions of the symbol get nothing any more; new ones do, unless the silence is sticky.
    private func silence(_ value: JSONValue) throws(ControlFailure) {
        let wanted = value["symbol"]?.text ?? value.text ?? ""
        let category = value["category"]?.text.flatMap { Category(rawValue: $0) }
        guard let market = category.map({ self.market($0, wanted) }) ?? self.derivative(wanted) else {
            throw ControlFailure(404, "unknown symbol \(wanted)")
        }
        market.subscribers = []
        market.silenced = value["sticky"]?.bool ?? false
    }

    func clearFaults() {
        self.faults = Faults()
        for account in self.accounts {
            account.keyState = .good
            account.history = []
        }
        for number in self.sockets.keys.sorted() {
            guard let socket = self.sockets[number] else { continue }
            socket.isStalled = false
            socket.dropsPongs = false
            for ticker in socket.tickers {
                let market = self.markets[ticker]
                market.silenced = false
                // Whoever was silenced goes on where the stream is now.
                if !market.subscribers.contains(number) { market.subscribers.append(number) }
            }
        }
        for market in self.markets { market.silenced = false }
        self.note(.fault, text: "clear")
    }
}
