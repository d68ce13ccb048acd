/// Which child processes and sockets the accounts of a start have, and who shares them. Pure.
struct SinkPlan: Sendable, Equatable {
    /// One child process; accounts with the same command share it.
    struct Exec: Sendable, Equatable {
        /// Of the first account that names the command.
        var configuration: ExecSinkConfiguration
        var accounts: [String]
        /// What messages and alerts call it, unlike any other. The arguments are left out: they may hold secrets.
        var label: String
    }

    /// One socket; accounts with the same path share it.
    struct Socket: Sendable, Equatable {
        var path: String
        var accounts: [String]
    }

    private(set) var execs: [Exec] = []
    private(set) var sockets: [Socket] = []

    /// - Parameter accounts: names with their sinks, placeholders filled in.
    init(_ accounts: [(name: String, sinks: [SinkConfiguration])]) {
        var execs: [[String]: Int] = [:]
        var sockets: [String: Int] = [:]
        for (name, sinks) in accounts {
            for sink in sinks {
                switch sink {
                case .jsonl:
                    continue
                case .exec(let exec):
                    let index = execs[exec.command] ?? self.execs.count
                    if execs.updateValue(index, forKey: exec.command) == nil {
                        self.execs.append(Exec(configuration: exec, accounts: [], label: ""))
                    }
                    if self.execs[index].accounts.last != name { self.execs[index].accounts.append(name) }
                case .socket(let socket):
                    let index = sockets[socket.path] ?? self.sockets.count
                    if sockets.updateValue(index, forKey: socket.path) == nil {
                        self.sockets.append(Socket(path: socket.path, accounts: []))
                    }
                    if self.sockets[index].accounts.last != name { self.sockets[index].accounts.append(name) }
                }
            }
        }
        self.nameExecs()
    }

    init(_ accounts: [StartPlan.Account]) {
        self.init(accounts.map { ($0.identity.name, $0.configuration.strategy.sinks) })
    }

    var isEmpty: Bool { self.execs.isEmpty && self.sockets.isEmpty }

    private mutating func nameExecs() {
        var uses: [String: Int] = [:]
        for index in self.execs.indices {
            let exec = self.execs[index]
            let others = exec.accounts.count - 1
            let more = others == 0 ? "" : " and \(others) more account\(others == 1 ? "" : "s")"
            let label = "\(exec.configuration.command.first ?? "") for \(exec.accounts.first ?? "")\(more)"
            let use = uses[label, default: 0] + 1
            uses[label] = use
            self.execs[index].label = use == 1 ? label : "\(label) (\(use))"
        }
    }
}
