import Foundation

/// `history --output json`, as a script would read it.
struct HistoryDocument: Decodable {
    struct Revision: Decodable {
        let number: Int
        let kind: String
        let user: String
        let reason: String
        let accounts: [String]
        let diff: [String]
    }

    /// The newest last.
    let revisions: [Revision]
}

/// What a command that changes something says with `--output json`.
struct RolloutReportDocument: Decodable {
    struct Account: Decodable {
        let name: String
        let outcome: String
        let from: String
        let to: String
        let revision: Int?
        let text: String
    }

    let accounts: [Account]
    let revision: Int?
    let text: String
}

extension StatusDocument {
    /// What each account is, by name: `canary`, `cutover 50`, `drained`.
    var standings: [String: String] {
        Dictionary(uniqueKeysWithValues: self.accounts.map { ($0.name, $0.standing) })
    }
}

extension Daemon {
    /// All revisions, the newest last.
    func history() async throws -> [HistoryDocument.Revision] {
        let result = try await self.ask(["history", "--output", "json", "-n", "100000"])
        guard result.code == 0 else { throw Disappointment("history answered \(result.code): \(result.errors)") }
        return try JSONLines.decoder.decode(HistoryDocument.self, from: Data(result.output.utf8)).revisions
    }

    /// Begins a command that changes something, beside whatever else is under way.
    func begin(_ arguments: [String]) throws -> ChildProcess {
        try self.place.start(arguments + ["--output", "json", "--state-dir", self.stateFolder])
    }

    /// Such a command and its answer.
    @discardableResult
    func change(_ arguments: String...) async throws -> RolloutReportDocument {
        let command = try self.begin(arguments)
        let code = try await command.exitCode(within: .seconds(70))
        guard code == 0 else { throw Disappointment("\(arguments): \(code), \(command.output)\(command.errors)") }
        return try command.report()
    }
}

extension ChildProcess {
    /// What a finished command with `--output json` has said.
    func report() throws -> RolloutReportDocument {
        guard let report = try? JSONLines.decoder.decode(RolloutReportDocument.self, from: Data(self.output.utf8))
        else {
            throw Disappointment("no report: \(self.output)\(self.errors)")
        }
        return report
    }
}
