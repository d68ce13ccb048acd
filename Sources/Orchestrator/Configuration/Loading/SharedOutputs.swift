/// Finds files and sockets that several accounts would write to.
struct SharedOutputs {
    private struct Use {
        var account: String
        var others = 0
        /// Of the second account.
        var span: SourceSpan?
    }

    private var uses: [String: Use] = [:]

    mutating func note(_ strategy: Strategy, account: String, span: SourceSpan) {
        for sink in strategy.sinks {
            let path: String
            switch sink {
            case .jsonl(let file): path = file.path
            case .socket(let socket): path = socket.path
            case .exec: continue
            }
            // Standard output is made to be shared.
            if path == "-" { continue }
            guard self.uses[path] != nil else {
                self.uses[path] = Use(account: account)
                continue
            }
            self.uses[path]?.others += 1
            if self.uses[path]?.span == nil { self.uses[path]?.span = span }
        }
    }

    func report(to log: DiagnosticLog) {
        for use in self.uses.values {
            guard let span = use.span else { continue }
            let all = use.others > 1 ? " (\(MessageText.grouped(use.others + 1)) accounts in all)" : ""
            log.warning(
                .sharedOutput,
                span,
                "a sink of this account writes to the same path as account \(MessageText.quoted(use.account))\(all)",
                help: "put {account} into the path"
            )
        }
    }
}
