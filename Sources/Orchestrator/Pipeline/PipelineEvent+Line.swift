extension PipelineEvent {
    private static let fixedBound = 512

    /// The value of the key `event`.
    public var name: String {
        switch self {
        case .accountState: "account.state"
        case .alert: "alert"
        case .action: "action"
        case .rollout: "rollout"
        case .recovery: "recovery"
        case .consumers: "consumers"
        }
    }

    /// The line: `v, event, account, n`, the event's own keys in the contract's order, `emitted_ts`.
    func bytes(account: String, n: Int64, emittedTime: Int64) -> [UInt8] {
        let prefix = AccountLabel.prefix(event: self.name, account: account)
        let bound = prefix.count + PipelineEvent.fixedBound + self.stringsBound
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            guard let base = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            var writer = RawWriter(base)
            prefix.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                writer.bytes(start, count: bytes.count)
            }
            writer.integer(n)
            self.writeKeys(to: &writer)
            writer.text(",\"emitted_ts\":")
            writer.integer(emittedTime)
            writer.text("}\n")
            count = writer.position - base
        }
    }

    private var stringsBound: Int {
        let strings: [String]
        var extra = 0
        switch self {
        case .accountState(let old, let new, let reason):
            strings = [old, new, reason]
        case .alert(let alert):
            strings = [alert.code, alert.symbol, alert.text]
        case .action(let action):
            strings =
                [action.consumer, action.action, action.symbol, action.orderLinkID, action.text]
                + action.parameters.flatMap { [$0.name, $0.value] }
            extra = 8 * action.parameters.count
        case .rollout(let rollout):
            strings = [rollout.mode, rollout.oldMode, rollout.cause, rollout.gate, rollout.verdict, rollout.text]
        case .recovery(let recovery):
            strings = [recovery.reason, recovery.text] + recovery.missing
            extra = 4 * recovery.missing.count
        case .consumers(let consumers):
            strings = [consumers.symbol, consumers.tickSize]
        }
        return strings.reduce(extra) { $0 + RawWriter.maxLength(of: $1) }
    }

    private func writeKeys(to writer: inout RawWriter) {
        switch self {
        case .accountState(let old, let new, let reason):
            writer.member(",\"old\":\"", old)
            writer.member(",\"new\":\"", new)
            writer.member(",\"reason\":\"", reason)
        case .alert(let alert):
            writer.member(",\"code\":\"", alert.code)
            writer.member(",\"severity\":\"", alert.severity.rawValue)
            writer.member(",\"state\":\"", alert.state.rawValue)
            writer.member(",\"symbol\":\"", alert.symbol)
            writer.member(",\"text\":\"", alert.text)
        case .action(let action):
            action.writeKeys(to: &writer)
        case .rollout(let rollout):
            writer.member(",\"mode\":\"", rollout.mode)
            writer.member(",\"old_mode\":\"", rollout.oldMode)
            writer.member(",\"cause\":\"", rollout.cause)
            writer.member(",\"gate\":\"", rollout.gate)
            writer.member(",\"verdict\":\"", rollout.verdict)
            writer.member(",\"text\":\"", rollout.text)
        case .recovery(let recovery):
            recovery.writeKeys(to: &writer)
        case .consumers(let consumers):
            writer.member(",\"state\":\"", consumers.state.rawValue)
            writer.member(",\"symbol\":\"", consumers.symbol)
            writer.member(",\"tick_size\":\"", consumers.tickSize)
            writer.text(",\"dry_run\":")
            writer.text(consumers.dryRun ? "true" : "false")
        }
    }
}

extension PipelineEvent.Action {
    fileprivate func writeKeys(to writer: inout RawWriter) {
        writer.member(",\"consumer\":\"", self.consumer)
        writer.member(",\"action\":\"", self.action)
        writer.member(",\"symbol\":\"", self.symbol)
        writer.text(",\"position_idx\":")
        writer.integer(Int64(self.positionIndex))
        writer.member(",\"order_link_id\":\"", self.orderLinkID)
        writer.text(",\"params\":{")
        for (index, parameter) in self.parameters.enumerated() {
            writer.text(index == 0 ? "\"" : ",\"")
            writer.string(parameter.name)
            writer.member("\":\"", parameter.value)
        }
        writer.text("},\"dry_run\":")
        writer.text(self.dryRun ? "true" : "false")
        writer.member(",\"outcome\":\"", self.outcome.rawValue)
        writer.text(",\"ret_code\":")
        if let code = self.returnCode { writer.integer(Int64(code)) } else { writer.text("null") }
        writer.member(",\"text\":\"", self.text)
        if let refusal = self.refusal { writer.member(",\"refusal\":\"", refusal.rawValue) }
    }
}

extension PipelineEvent.Recovery {
    fileprivate func writeKeys(to writer: inout RawWriter) {
        writer.member(",\"stream\":\"", self.stream.rawValue)
        writer.member(",\"reason\":\"", self.reason)
        writer.text(",\"gap_ms\":")
        writer.integer(self.gapMilliseconds)
        writer.text(",\"lost\":")
        writer.integer(Int64(self.lost))
        writer.text(",\"restored\":")
        writer.integer(Int64(self.restored))
        writer.text(",\"missing\":[")
        for (index, symbol) in self.missing.enumerated() {
            writer.text(index == 0 ? "\"" : ",\"")
            writer.string(symbol)
            writer.text("\"")
        }
        writer.text("],\"changes\":")
        writer.integer(Int64(self.changes))
        writer.member(",\"text\":\"", self.text)
    }
}

extension RawWriter {
    /// A key (with its punctuation up to the opening quote) and a string.
    fileprivate mutating func member(_ key: StaticString, _ value: String) {
        self.text(key)
        self.string(value)
        self.text("\"")
    }
}
