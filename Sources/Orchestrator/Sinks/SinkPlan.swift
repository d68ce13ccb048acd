/// Which child processes and sockets some accounts have, and who shares them. Pure.
struct SinkPlan: Sendable, Equatable {
    /// One child process; accounts with the same command share it.
    struct Exec: Sendable, Equatable {
        /// Of the account that has named the command last.
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

    /// A sink of an account, with what it shares with others.
    enum Entry: Sendable, Equatable {
        case file(JSONLSinkConfiguration)
        case exec(Exec)
        case socket(Socket)

        var identity: SinkIdentity {
            switch self {
            case .file(let file): .file(path: file.path)
            case .exec(let exec): .exec(command: exec.configuration.command)
            case .socket(let socket): .socket(path: socket.path)
            }
        }
    }

    /// Where each is found.
    private struct Places: Sendable, Equatable {
        var execs: [[String]: Int] = [:]
        var sockets: [String: Int] = [:]
    }

    private(set) var execs: [Exec] = []
    private(set) var sockets: [Socket] = []
    private var places = Places()
    private var labels: Set<String> = []
    /// Who is there, with all that it shares.
    private var accounts: [String: Set<SinkIdentity>] = [:]

    /// - Parameter accounts: names with their sinks, placeholders filled in.
    init(_ accounts: [(name: String, sinks: [SinkConfiguration])] = []) {
        for (name, sinks) in accounts { self.put(name, sinks) }
    }

    var isEmpty: Bool { self.execs.isEmpty && self.sockets.isEmpty }

    var names: Set<String> { Set(self.accounts.keys) }

    func exec(_ command: [String]) -> Exec? { self.places.execs[command].map { self.execs[$0] } }

    func socket(_ path: String) -> Socket? { self.places.sockets[path].map { self.sockets[$0] } }

    /// An account comes, or has other sinks than before: what it had and has no more goes. Its options hold for what it
    /// shares, whoever came before. Labels of what it shares change, no others.
    /// - Returns: its sinks, each once, in the order of its configuration.
    @discardableResult
    mutating func put(_ name: String, _ sinks: [SinkConfiguration]) -> [Entry] {
        let former = self.accounts[name] ?? []
        let wanted = Set(sinks.map { SinkIdentity($0) })
        self.strike(name, from: former.subtracting(wanted))
        self.accounts[name] = wanted
        var entries: [Entry] = []
        for sink in sinks {
            let entry = self.put(name, sink, isNew: !former.contains(SinkIdentity(sink)))
            if let index = entries.firstIndex(where: { $0.identity == entry.identity }) {
                entries[index] = entry
            } else {
                entries.append(entry)
            }
        }
        return entries
    }

    /// An account goes, with what nobody else has.
    mutating func remove(_ name: String) {
        if let sinks = self.accounts.removeValue(forKey: name) { self.strike(name, from: sinks) }
    }

    private mutating func put(_ name: String, _ sink: SinkConfiguration, isNew: Bool) -> Entry {
        switch sink {
        case .jsonl(let file):
            return .file(file)
        case .exec(let exec):
            let index = self.places.execs[exec.command] ?? self.execs.count
            if self.places.execs.updateValue(index, forKey: exec.command) == nil {
                self.execs.append(Exec(configuration: exec, accounts: [], label: ""))
            }
            self.execs[index].configuration = exec
            if isNew, self.execs[index].accounts.last != name {
                self.execs[index].accounts.append(name)
                self.nameExec(index)
            }
            return .exec(self.execs[index])
        case .socket(let socket):
            let index = self.places.sockets[socket.path] ?? self.sockets.count
            if self.places.sockets.updateValue(index, forKey: socket.path) == nil {
                self.sockets.append(Socket(path: socket.path, accounts: []))
            }
            if isNew, self.sockets[index].accounts.last != name { self.sockets[index].accounts.append(name) }
            return .socket(self.sockets[index])
        }
    }

    private mutating func strike(_ name: String, from sinks: Set<SinkIdentity>) {
        var execs: [Int] = []
        var sockets: [Int] = []
        for sink in sinks {
            switch sink {
            case .file: break
            case .exec(let command): self.places.execs[command].map { execs.append($0) }
            case .socket(let path): self.places.sockets[path].map { sockets.append($0) }
            }
        }
        // In their order: of two that would be called the same the first keeps the plain label.
        for index in execs.sorted() {
            self.execs[index].accounts.removeAll { $0 == name }
            if self.execs[index].accounts.isEmpty {
                self.labels.remove(self.execs[index].label)
            } else {
                self.nameExec(index)
            }
        }
        for index in sockets { self.sockets[index].accounts.removeAll { $0 == name } }
        if execs.contains(where: { self.execs[$0].accounts.isEmpty }) {
            self.execs.removeAll { $0.accounts.isEmpty }
            self.places.execs.removeAll(keepingCapacity: true)
            for (index, exec) in self.execs.enumerated() { self.places.execs[exec.configuration.command] = index }
        }
        if sockets.contains(where: { self.sockets[$0].accounts.isEmpty }) {
            self.sockets.removeAll { $0.accounts.isEmpty }
            self.places.sockets.removeAll(keepingCapacity: true)
            for (index, socket) in self.sockets.enumerated() { self.places.sockets[socket.path] = index }
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
