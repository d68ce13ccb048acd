import CBench
import Glibc

/// How long a fault lasts, from the exchange's own record.
enum RecoveryFigures {
    static func measure(rounds: Int) throws -> [Figure] {
        // Both need half a minute of waiting, the same one.
        let resets = try (0..<rounds).map { _ in try ResetExchange() }
        let silence = try SilentExchange(instances: rounds).measure()
        let reset = Figure(
            "reset",
            "public connection reset → all symbols subscribed again (first try)",
            unit: "ms",
            must: 200,
            aim: 40,
            samples: try resets.map { try $0.measure() },
            note:
                "\(resets.first?.symbols ?? 0) symbols; from the exchange's reset to its last acknowledgement, back-off "
                + "included; one daemon after the other, each up for half a minute before"
        )
        return [reset] + silence
    }
}

/// A daemon with one account and an exchange of its own, whose public connection is reset after it has been up long enough
/// for the loss to count as the first.
private final class ResetExchange {
    private let folder: TemporaryFolder
    private let exchange: Exchange
    private let daemon: Daemon
    private let started: Int64
    let symbols: Int
    private static let steady: Int64 = 31_000_000_000

    init() throws {
        let folder = try TemporaryFolder()
        let exchange = try Exchange(accounts: 1, symbols: SystemFigures.symbols, folder: folder)
        self.symbols = exchange.symbols.count
        try exchange.openPositions(accounts: 1, each: self.symbols)
        self.folder = folder
        self.exchange = exchange
        self.daemon = try Daemon(exchange, accounts: 0..<1, instance: "reset", folder: folder)
        self.started = cbench_uptime()
    }

    /// Milliseconds from the reset to the last acknowledgement.
    func measure() throws -> Double {
        while cbench_uptime() - self.started < Self.steady { usleep(50_000) }
        let index = try self.exchange.control.nextRecordIndex()
        try self.exchange.control.post("/connections/kill", #"{"socket":"public","how":"reset"}"#)
        let deadline = cbench_uptime() + 20_000_000_000
        while cbench_uptime() < deadline {
            // Rarely, for asking costs the exchange time.
            usleep(250_000)
            let entries = try self.exchange.control.record(since: index, kinds: "fault,subscribed")
            let fault = entries.first { $0["kind"] as? String == "fault" }?["time"] as? Int
            let times = entries.filter { $0["kind"] as? String == "subscribed" }.compactMap { $0["time"] as? Int }
            guard let fault, times.count >= self.symbols, let last = times.max() else { continue }
            return Double(last - fault)
        }
        throw ChildProcess.Failure(description: "the tickers were not subscribed again within 20 s")
    }
}

/// Several daemons of one account each; all their connections fall silent at once, without being closed.
private final class SilentExchange {
    private let folder: TemporaryFolder
    private let exchange: Exchange
    private let daemons: [Daemon]
    private let started: Int64
    /// As in the default configuration.
    private static let pingInterval = 20_000

    init(instances: Int) throws {
        let folder = try TemporaryFolder()
        let exchange = try Exchange(accounts: instances, symbols: SystemFigures.symbols, folder: folder)
        try exchange.openPositions(accounts: instances, each: 5)
        self.folder = folder
        self.exchange = exchange
        self.daemons = try (0..<instances).map { number in
            try Daemon(
                exchange,
                accounts: number..<number + 1,
                instance: "silent-\(number)",
                stream: [
                    "ping_interval: 20s"
                ],
                folder: folder
            )
        }
        self.started = cbench_uptime()
    }

    func measure() throws -> [Figure] {
        var publicly = Figure(
            "dead-public",
            "dead but open, public (silence) → reconnecting",
            unit: "s",
            must: 15,
            aim: 5,
            note: "default timings; from the silence to the next connection at the exchange, back-off included"
        )
        var privately = Figure(
            "dead-private",
            "dead but open, private (ping unanswered) → reconnecting",
            unit: "s",
            must: 15,
            aim: 12,
            note:
                "default timings; from the first ping that finds no answer (every 20 s from the connection on) to the "
                + "next connection"
        )
        var wholly = Figure("dead-private-whole", "… from the moment the exchange fell silent", unit: "s")
        let count = self.daemons.count
        // Shortly before the next ping of all of them.
        while cbench_uptime() - self.started < 17_000_000_000 { usleep(50_000) }
        let before = try self.connections(since: 0)
        guard before.publicTimes.count == count, before.privateTimes.count == count,
            let first = before.privateTimes.min()
        else {
            throw ChildProcess.Failure(
                description: "the exchange saw other connections than one of each kind: \(before)"
            )
        }
        let index = try self.exchange.control.nextRecordIndex()
        try self.exchange.control.post("/connections/kill", #"{"socket":"all","how":"half_open"}"#)
        let faults = try self.exchange.control.record(since: index, kinds: "fault")
        guard let fault = faults.first?["time"] as? Int else {
            throw ChildProcess.Failure(description: "the exchange did not record the fault")
        }
        let deadline = cbench_uptime() + 60_000_000_000
        while cbench_uptime() < deadline {
            usleep(100_000)
            let after = try self.connections(since: index)
            guard after.publicTimes.count >= count, after.privateTimes.count >= count else { continue }
            publicly.samples = after.publicTimes.prefix(count).map { Double($0 - fault) / 1_000 }
            wholly.samples = after.privateTimes.prefix(count).map { Double($0 - fault) / 1_000 }
            // The earliest of them counts for all: no account is treated kinder than it should.
            let pings = (fault - first) / Self.pingInterval + 1
            let unanswered = first + pings * Self.pingInterval
            privately.samples = after.privateTimes.prefix(count).map { Double($0 - unanswered) / 1_000 }
            return [publicly, privately, wholly]
        }
        throw ChildProcess.Failure(description: "not all connections were opened again within a minute")
    }

    private func connections(since index: Int) throws -> (publicTimes: [Int], privateTimes: [Int]) {
        var publicTimes: [Int] = []
        var privateTimes: [Int] = []
        for entry in try self.exchange.control.record(since: index, kinds: "connected") {
            guard let time = entry["time"] as? Int, let text = entry["text"] as? String else { continue }
            if text.hasPrefix("private") { privateTimes.append(time) } else { publicTimes.append(time) }
        }
        return (publicTimes, privateTimes)
    }
}
