import CBench
import Glibc

/// The whole system: the real programs, the simulated exchange, real sockets.
enum SystemFigures {
    static let accounts = 1_000
    static let positions = 10
    static let symbols = 50
    /// From readiness to reading the memory: marks flow meanwhile.
    static let settling: UInt32 = 2

    static func measure(rounds: Int, wanted: (String) -> Bool) throws -> [Figure] {
        var figures: [Figure] = []
        if wanted("fleet") { figures += try self.measureFleet(rounds: rounds, isSecure: false) }
        if wanted("fleet-tls") { figures += try self.measureFleet(rounds: rounds, isSecure: true) }
        if wanted("status") { figures += try self.measureStatus(rounds: rounds) }
        if wanted("recovery") { figures += try RecoveryFigures.measure(rounds: rounds) }
        return figures
    }

    // MARK: Memory, start, threads

    private static func measureFleet(rounds: Int, isSecure: Bool) throws -> [Figure] {
        let folder = try TemporaryFolder()
        let exchange = try Exchange(
            accounts: self.accounts,
            symbols: self.symbols,
            authority: isSecure ? try Authority(folder: folder) : nil,
            folder: folder
        )
        try exchange.openPositions(accounts: self.accounts, each: self.positions)
        let suffix = isSecure ? "-tls" : ""
        let words = isSecure ? ", TLS" : ""
        var one = Figure(
            "memory-1\(suffix)",
            "resident memory, 1 account × 10 positions\(words)",
            unit: "MiB",
            must: isSecure ? nil : 40,
            aim: isSecure ? nil : 25,
            note: "VmRSS of `bybitctl start` \(self.settling) s after it is ready, marks flowing; no sink; default http"
        )
        var all = Figure(
            "memory-1000\(suffix)",
            "resident memory, 1,000 accounts × 10 positions\(words)",
            unit: "MiB",
            must: isSecure ? nil : 85,
            aim: isSecure ? nil : 45,
            note: "the same, 1,000 private sockets included"
        )
        var each = Figure(
            "memory-account\(suffix)",
            "… per account, \(isSecure ? "TLS" : "plain")",
            unit: "KiB",
            must: isSecure ? 80 : 34,
            aim: isSecure ? 45 : 20,
            note: "(1,000 accounts − 1 account) ÷ 1,000"
        )
        var start = Figure(
            "start\(suffix)",
            "start to all positions known, 1,000 accounts, limits off\(words)",
            unit: "s",
            must: isSecure ? nil : 5,
            aim: isSecure ? nil : 2,
            note: "from the start of the process to its report that all accounts have settled; empty store; the "
                + "exchange runs on the same machine"
        )
        var threads = Figure(
            "threads\(suffix)",
            "threads at 1,000 accounts\(words)",
            unit: "threads",
            must: isSecure ? nil : 8,
            aim: isSecure ? nil : 4
        )
        for _ in 0..<rounds {
            let small = try self.run(exchange, accounts: 1, folder: folder)
            let large = try self.run(exchange, accounts: self.accounts, folder: folder)
            one.samples.append(small.memory)
            all.samples.append(large.memory)
            each.samples.append((large.memory - small.memory) * 1_024 / Double(self.accounts))
            start.samples.append(large.start)
            threads.samples.append(Double(large.threads))
        }
        return [one, all, each, start, threads]
    }

    private static func run(
        _ exchange: Exchange,
        accounts: Int,
        folder: TemporaryFolder
    ) throws -> (memory: Double, start: Double, threads: Int) {
        let daemon = try Daemon(exchange, accounts: 0..<accounts, folder: folder)
        sleep(self.settling)
        let result = (daemon.residentMebibytes, daemon.startTime, daemon.threads)
        let counts = try daemon.counts()
        guard counts.live == accounts, counts.positions == accounts * self.positions, counts.fresh == counts.positions
        else { throw ChildProcess.Failure(description: "of \(accounts) accounts the daemon knows \(counts)") }
        return result
    }

    // MARK: Status

    private static func measureStatus(rounds: Int) throws -> [Figure] {
        let folder = try TemporaryFolder()
        let count = 2_000
        let exchange = try Exchange(accounts: count, symbols: self.symbols, folder: folder)
        let daemon = try Daemon(exchange, accounts: 0..<count, folder: folder)
        let counts = try daemon.counts()
        guard counts.live == count else {
            throw ChildProcess.Failure(description: "only \(counts.live) accounts are live")
        }
        var table = Figure(
            "status",
            "`status` with 2,000 accounts",
            unit: "ms",
            must: 200,
            aim: 50,
            note:
                "wall time of the command from its start to its end, its output read through a pipe; accounts are flat"
        )
        var bare = Figure(
            "status-env-i",
            "status of 2,000 accounts under env -i",
            unit: "ms",
            must: 200,
            aim: 50,
            note: "the same from an empty environment, the start of `env` included"
        )
        var json = Figure("status-json", "… --output json", unit: "ms")
        for _ in 0..<2 * rounds {
            table.samples.append(try daemon.status().milliseconds)
            bare.samples.append(try daemon.status(isBare: true).milliseconds)
            json.samples.append(try daemon.status(["--output", "json"]).milliseconds)
        }
        return [table, bare, json]
    }
}
