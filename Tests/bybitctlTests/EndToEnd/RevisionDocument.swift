import Foundation

/// `history --output json`, as a script would read it.
struct RevisionDocument: Decodable {
    struct Revision: Decodable {
        let number: Int
        let kind: String
        let user: String
        let reason: String
        let accounts: [String]
        let diff: [String]
    }

    let revisions: [Revision]
}

/// What a command that changes something answers with `--output json`.
struct ChangeDocument: Decodable {
    struct Account: Decodable {
        let name: String
        let outcome: String
        let from: String
        let to: String
        let revision: Int?
        let text: String
    }

    let accounts: [Account]
}

extension Daemon {
    /// All revisions, the newest last.
    func revisions() async throws -> [RevisionDocument.Revision] {
        let answer = try await self.ask(["history", "--output", "json", "-n", "10000"])
        guard answer.code == 0 else { throw Disappointment("history answered \(answer.code): \(answer.errors)") }
        return try JSONLines.decoder.decode(RevisionDocument.self, from: Data(answer.output.utf8)).revisions
    }

    /// A command that changes something, and what became of each account.
    func change(
        _ arguments: [String],
        within limit: Duration = .seconds(60)
    ) async throws -> (code: Int32, accounts: [ChangeDocument.Account]) {
        let answer = try await self.ask(arguments + ["--output", "json"], within: limit)
        do {
            let document = try JSONLines.decoder.decode(ChangeDocument.self, from: Data(answer.output.utf8))
            return (answer.code, document.accounts)
        } catch {
            throw Disappointment("\(arguments) answered \(answer.code): \(answer.output)\(answer.errors)")
        }
    }
}
