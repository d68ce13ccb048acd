import Foundation
import Testing

/// Commands that a kill may come in the middle of.
enum RolloutCommand: String, CaseIterable {
    case promote, rollback, drain, resume, disable, enable, apply, restore
}

/// A fleet in which there is always something to change: by commands about single accounts, and by two variants of its file.
final class RolloutRig {
    static let modes = ["rest", "canary", "parallel", "cutover 50", "cutover 100", "hybrid"]
    static let accounts = (1...5).map { "sub-00\($0)" }
    /// Of `promote` and `rollback`.
    private static let moving = "sub-001"
    /// Of `drain` and `resume`.
    private static let drained = "sub-002"
    /// Of `enable` and `disable`.
    private static let disabled = "sub-003"
    /// Has another mode in the other variant of the file.
    private static let filed = "sub-004"
    /// Is only in the second variant.
    private static let added = "sub-005"

    let exchange: Exchange
    let daemon: Daemon
    let symbols: [String]
    private let files: [String]
    /// By variant of the file, the newest revision of it.
    private var revisions: [Int: Int] = [:]

    private init(exchange: Exchange, daemon: Daemon, symbols: [String], files: [String]) {
        self.exchange = exchange
        self.daemon = daemon
        self.symbols = symbols
        self.files = files
    }

    /// Returns when both variants have run, every account is live and holds something.
    static func start(in place: Workplace) async throws -> RolloutRig {
        let exchange = try await Exchange.start(in: place, accounts: self.accounts.count, symbols: 6)
        let symbols = try await exchange.marks().map(\.symbol)
        try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(200)])
        for account in self.accounts {
            for symbol in symbols.prefix(2) { try await exchange.open(account, symbol, "Buy", "200") }
        }
        let variants = [
            try self.file(exchange, in: place, isSecond: false), try self.file(exchange, in: place, isSecond: true),
        ]
        let daemon = try await Daemon.start(variants[0], in: place)
        let files = variants.map { $0.text(stateFolder: daemon.stateFolder) }
        let rig = RolloutRig(exchange: exchange, daemon: daemon, symbols: symbols, files: files)
        try rig.write(variant: 1)
        try await daemon.change("apply")
        try rig.write(variant: 0)
        try await daemon.change("apply")
        rig.revisions = [1: 2, 0: 3]
        return rig
    }

    private static func file(_ exchange: Exchange, in place: Workplace, isSecond: Bool) throws -> AccountsFile {
        var file = AccountsFile(exchange)
        try file.moveSecrets(in: place)
        file.stream += ["rest_poll_interval: 500ms"]
        file.mode = "parallel"
        for index in file.accounts.indices {
            guard file.accounts[index].name == self.filed else { continue }
            file.accounts[index].extra = "mode: \(isSecond ? "cutover" : "rest")"
        }
        if !isSecond { file.accounts.removeLast() }
        return file
    }

    func write(variant: Int) throws {
        try self.daemon.place.write(self.files[variant], to: self.daemon.fileName)
    }

    // MARK: Commands

    /// Brings the fleet to where the command has something to change.
    func prepare(_ command: RolloutCommand, _ random: inout Seeded) async throws {
        let now = try await self.daemon.status().document.standings
        switch command {
        case .promote:
            if now[Self.moving] == "hybrid" { try await self.daemon.change("rollback", Self.moving, "--to", "rest") }
        case .rollback:
            guard now[Self.moving] == "rest" else { return }
            for _ in 0...random.below(5) { try await self.daemon.change("promote", "--force", Self.moving) }
        case .drain: if now[Self.drained] == "drained" { try await self.daemon.change("resume", Self.drained) }
        case .resume: if now[Self.drained] != "drained" { try await self.daemon.change("drain", Self.drained) }
        case .disable: if now[Self.disabled] == "disabled" { try await self.daemon.change("enable", Self.disabled) }
        case .enable: if now[Self.disabled] != "disabled" { try await self.daemon.change("disable", Self.disabled) }
        case .apply: try self.write(variant: 1 - self.variant(now))
        case .restore: break
        }
    }

    /// Which variant of the file runs.
    private func variant(_ standings: [String: String]) -> Int { standings[Self.added] == nil ? 0 : 1 }

    func arguments(_ command: RolloutCommand, from old: [String: String]) throws -> [String] {
        switch command {
        case .promote: ["promote", "--force", Self.moving]
        case .rollback: ["rollback", Self.moving]
        case .drain, .resume: [command.rawValue, Self.drained]
        case .disable, .enable: [command.rawValue, Self.disabled]
        case .apply: ["apply"]
        case .restore:
            ["rollback", "--revision", "\(try #require(self.revisions[1 - self.variant(old)]))"]
        }
    }

    /// What the fleet is when the command has been carried out.
    func outcome(_ command: RolloutCommand, from old: [String: String]) throws -> [String: String] {
        var new = old
        let place = try #require(Self.modes.firstIndex(of: old[Self.moving] ?? ""))
        switch command {
        case .promote: new[Self.moving] = Self.modes[place + 1]
        case .rollback: new[Self.moving] = place == 4 ? "parallel" : Self.modes[place - 1]
        case .drain: new[Self.drained] = "drained"
        case .resume: new[Self.drained] = "parallel"
        case .disable: new[Self.disabled] = "disabled"
        case .enable: new[Self.disabled] = "parallel"
        case .apply, .restore:
            let isSecond = self.variant(old) == 0
            new[Self.filed] = isSecond ? "cutover 50" : "rest"
            new[Self.added] = isSecond ? "parallel" : nil
        }
        return new
    }

    /// Kinds of revisions that can tell of the command.
    func kinds(_ command: RolloutCommand) -> Set<String> {
        switch command {
        case .restore: ["rollback"]
        // The next start reads the changed file too.
        case .apply: ["apply", "start"]
        default: [command.rawValue]
        }
    }

    /// Remembers which revision is of which variant of the file.
    func note(_ command: RolloutCommand, revision: Int, _ standings: [String: String]) {
        if command == .apply || command == .restore { self.revisions[self.variant(standings)] = revision }
    }

    // MARK: Exchange

    /// Something happens to a position.
    func act(_ random: inout Seeded) async throws {
        let position: [String: JSONField] = [
            "account": .string(Self.accounts[random.below(5)]),
            "symbol": .string(self.symbols[random.below(6)]),
        ]
        if random.below(5) < 3 {
            let size = "\(100 * (1 + random.below(3)))"
            let order: [String: JSONField] = ["side": .string("Buy"), "size": .string(size)]
            try await self.exchange.attempt("/positions", position.merging(order) { $1 })
        } else {
            try await self.exchange.attempt("/positions/close", position)
        }
    }

    // MARK: End

    /// Brings all accounts up, waits until whoever reads their events knows what the exchange has, and reads the story.
    func finish(kills: Int, _ context: String) async throws {
        let standings = try await self.daemon.status().document.standings
        if standings[Self.added] == nil {
            try self.write(variant: 1)
            try await self.daemon.change("apply")
        }
        try await self.daemon.change("resume", "--all")
        try await self.daemon.change("enable", "--all")
        let truth = try await self.exchange.state()
        for name in Self.accounts {
            let open = truth.positions.filter { $0.account == name && $0.category == "linear" }
            let wanted = Set(open.map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size)" })
            var told: Set<String> = []
            do {
                try await eventually("the events") {
                    told = KillStory(self.daemon.eventText(name), kills: kills).open
                    return told == wanted
                }
            } catch let error as Disappointment {
                throw Disappointment("\(name), \(context): \(error): \(told.sorted()), in truth \(wanted.sorted())")
            }
        }
        #expect(try await self.daemon.stop() == 0)
        for name in Self.accounts {
            let story = KillStory(self.daemon.eventText(name), kills: kills)
            #expect(story.problems == [], "\(name), \(context)")
        }
    }
}
