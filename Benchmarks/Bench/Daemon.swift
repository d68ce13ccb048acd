import CBench
import Foundation
import Glibc

/// `bybitctl start` in the foreground, on a state folder of its own that is empty at the start.
final class Daemon {
    let process: ChildProcess
    /// From the start of the process to its word that every account has settled, in seconds.
    let startTime: Double
    private let stateFolder: String
    private let instance: String
    /// Of `--ready-descriptor`; 0 to 2 are taken.
    private static let readyDescriptor: CInt = 3

    /// - Parameter accounts: the first so many of the exchange's.
    init(
        _ exchange: Exchange,
        accounts: Range<Int>,
        instance: String = "bench",
        stream: [String] = Daemon.noLimits,
        folder: TemporaryFolder
    ) throws {
        self.instance = instance
        self.stateFolder = folder.path + "/state-\(instance)-\(cbench_uptime())"
        let file = folder.path + "/accounts-\(instance).yaml"
        var lines = ["version: 1", "instance: \(instance)"] + exchange.configuration
        lines += [
            "runtime:", "  state_dir: \(self.stateFolder)", "  http: { listen: \"127.0.0.1:0\" }",
            "  log: { level: warning, format: json }", "stream:",
        ]
        lines += stream.map { "  " + $0 }
        lines += ["defaults: { enabled: true, mode: hybrid, strategy: watch, dry_run: true }"]
        lines += ["strategies:", "  watch: {}", "accounts:"]
        for account in exchange.accounts[accounts] {
            lines.append("  - name: \(account.name)")
            lines.append("    credentials: { api_key: \"\(account.key)\", api_secret: \"\(account.secret)\" }")
        }
        try SystemFile.write(lines.joined(separator: "\n") + "\n", to: file)
        let log = folder.path + "/daemon-\(instance).log"
        let start = cbench_uptime()
        self.process = try ChildProcess(
            SystemFile.sibling("bybitctl"),
            ["start", file, "--ready-descriptor", "\(Self.readyDescriptor)"],
            errors: log,
            extraDescriptor: Self.readyDescriptor
        )
        do {
            let words = try self.process.line(within: 120)
            guard words == "0" else { throw ChildProcess.Failure(description: "the daemon reported \(words)") }
        } catch {
            let tail = SystemFile.read(log).map { String($0.suffix(2_000)) } ?? ""
            throw ChildProcess.Failure(description: "\(error)\n\(tail)")
        }
        self.startTime = Double(cbench_uptime() - start) / 1e9
    }

    /// Budgets too large to slow anything down.
    static let noLimits = [
        "connection_budget: { connections: 100000, per: 5m }", "rest_budget: { requests: 100000, per: 1s }",
    ]

    deinit { self.stop() }

    /// Ends it without ceremony; what it would store is thrown away with its folder.
    func stop() { self.process.stop() }

    var residentMebibytes: Double { Double(self.process.statusValue("VmRSS") ?? 0) / 1_024 }
    var threads: Int { self.process.statusValue("Threads") ?? 0 }

    /// Runs `bybitctl status` to its end. Returns its output and how long it took, in milliseconds.
    /// - Parameter isBare: with an empty environment, as cron's nearly is; starting `env` is included.
    func status(
        _ arguments: [String] = [],
        isBare: Bool = false
    ) throws -> (output: String, milliseconds: Double) {
        let program = SystemFile.sibling("bybitctl")
        let words = ["status", "--state-dir", self.stateFolder, "--instance", self.instance, "--exit-zero"] + arguments
        let start = cbench_uptime()
        let client =
            isBare ? try ChildProcess("/usr/bin/env", ["-i", program] + words) : try ChildProcess(program, words)
        let (output, status) = client.finish()
        let time = Double(cbench_uptime() - start) / 1e6
        guard status == 0 else {
            throw ChildProcess.Failure(description: "bybitctl status ended with \(status): \(output.prefix(500))")
        }
        return (output, time)
    }

    /// Live accounts, and positions with a fresh mark.
    func counts() throws -> (live: Int, positions: Int, fresh: Int) {
        let output = try self.status(["--output", "json"]).output
        let report = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        let accounts = report?["accounts"] as? [[String: Any]] ?? []
        let positions = accounts.flatMap { $0["positions"] as? [[String: Any]] ?? [] }
        return (
            accounts.count { $0["state"] as? String == "live" }, positions.count,
            positions.count { $0["stale"] as? Bool == false }
        )
    }
}
