import Glibc

/// Descriptors that the process may open. A fleet that runs out of them cannot reconnect and cannot be asked for its status,
/// so it is better not to begin.
enum OpenFiles {
    /// Shells and service managers often allow 1,024 and let a process raise that itself.
    static func secure(for plan: StartPlan) throws(OrchestratorError) {
        let needed = self.needed(by: plan)
        let allowed = self.raise()
        guard allowed < needed else { return }
        let accounts = plan.running.count
        throw OrchestratorError(
            .io,
            """
            \(accounts) account\(accounts == 1 ? "" : "s") need up to \(needed) open files, and this process may have \(allowed). \
            Raise the limit (`ulimit -n \(needed)`, or `LimitNOFILE=\(needed)` in the systemd unit), or run fewer accounts
            """
        )
    }

    /// A connection for each account, one more while an old one closes; files, three pipes for each child process, sockets
    /// with some readers; event loops, the store, REST, followers.
    static func needed(by plan: StartPlan) -> Int {
        self.needed(by: plan.running.map { ($0.identity.name, $0.configuration.strategy.sinks) })
    }

    /// - Parameter accounts: those that run, with their sinks.
    static func needed(by accounts: [(name: String, sinks: [SinkConfiguration])]) -> Int {
        var paths: Set<String> = []
        for account in accounts {
            for case .jsonl(let file) in account.sinks { paths.insert(file.path) }
        }
        let sinks = SinkPlan(accounts)
        let pipes = 3 * sinks.execs.count
        let sockets = sinks.sockets.isEmpty ? 0 : 2 * sinks.sockets.count + self.readers
        return 2 * accounts.count + paths.count + pipes + sockets + self.base
    }

    private static let base = 96
    private static let readers = 16

    /// Raises the soft limit to the hard one.
    /// - Returns: how many may be open now.
    private static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return limit.rlim_cur > UInt(Int32.max) ? Int(Int32.max) : Int(limit.rlim_cur)
    }
}
