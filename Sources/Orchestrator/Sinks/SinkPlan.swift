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
    private var labels: Set<String> = []
    private var names: Set<String> = []

    /// - Parameter accounts: names with their sinks, placeholders filled in.
    init(_ accounts: [(name: String, sinks: [SinkConfiguration])]) {
        var places = Places()
        for (name, sinks) in accounts { self.add(name, sinks, &places) }
    }

    init(_ accounts: [StartPlan.Account]) {
        self.init(accounts.map { ($0.identity.name, $0.configuration.strategy.sinks) })
    }

    var isEmpty: Bool { self.execs.isEmpty && self.sockets.isEmpty }

    func exec(_ command: [String]) -> Exec? { self.execs.first { $0.configuration.command == command } }

    func socket(_ path: String) -> Socket? { self.sockets.first { $0.path == path } }

    /// Another account comes; one that is there already changes nothing. Labels of what it shares change, no others.
    mutating func add(_ name: String, _ sinks: [SinkConfiguration]) {
        guard !self.names.contains(name) else { return }
        var places = Places(self)
        self.add(name, sinks, &places)
    }

    /// An account goes, with what nobody else has.
    mutating func remove(_ name: String) {
        guard self.names.remove(name) != nil else { return }
        for index in self.execs.indices where self.execs[index].accounts.contains(name) {
            self.execs[index].accounts.removeAll { $0 == name }
            if self.execs[index].accounts.isEmpty {
                self.labels.remove(self.execs[index].label)
            } else {
                self.nameExec(index)
            }
        }
        self.execs.removeAll { $0.accounts.isEmpty }
        for index in self.sockets.indices { self.sockets[index].accounts.removeAll { $0 == name } }
        self.sockets.removeAll { $0.accounts.isEmpty }
    }

    /// Where each is found.
    private struct Places {
        var execs: [[String]: Int] = [:]
        var sockets: [String: Int] = [:]

        init() {}

        init(_ plan: SinkPlan) {
            for (index, exec) in plan.execs.enumerated() { self.execs[exec.configuration.command] = index }
            for (index, socket) in plan.sockets.enumerated() { self.sockets[socket.path] = index }
        }
    }

    private mutating func add(_ name: String, _ sinks: [SinkConfiguration], _ places: inout Places) {
        self.names.insert(name)
        for sink in sinks {
            switch sink {
            case .jsonl:
                continue
            case .exec(let exec):
                let index = places.execs[exec.command] ?? self.execs.count
                if places.execs.updateValue(index, forKey: exec.command) == nil {
                    self.execs.append(Exec(configuration: exec, accounts: [], label: ""))
                }
                guard self.execs[index].accounts.last != name else { continue }
                self.execs[index].accounts.append(name)
                self.nameExec(index)
            case .socket(let socket):
                let index = places.sockets[socket.path] ?? self.sockets.count
                if places.sockets.updateValue(index, forKey: socket.path) == nil {
                    self.sockets.append(Socket(path: socket.path, accounts: []))
                }
                if self.sockets[index].accounts.last != name { self.sockets[index].accounts.append(name) }
            }
        }
    }

    private mutating func nameExec(_ index: Int) {
        let exec = self.execs[index]
        let others = exec.accounts.count - 1
        let more = others == 0 ? "" : " and \(others) more account\(others == 1 ? "" : "s")"
        let label = "\(exec.configuration.command.first ?? "") for \(exec.accounts.first ?? "")\(more)"
        self.labels.remove(exec.label)
        var use = 1
        var unique = label
        while !self.labels.insert(unique).inserted {
            use += 1
            unique = "\(label) (\(use))"
        }
        self.execs[index].label = unique
    }
}
