import Foundation
import GRDB

@testable import Orchestrator

enum RevisionFixtures {
    static func draft(
        _ kind: Revision.Kind = .promote,
        accounts: [String] = ["a"],
        time: Int64 = 100,
        sources: ConfigurationSources? = nil,
        overrides: [String: AccountOverride?] = [:]
    ) -> RevisionDraft {
        RevisionDraft(
            kind: kind,
            caller: Caller(user: "ann", uid: 1_000),
            reason: "because \"it\" holds",
            time: time,
            accounts: accounts,
            diff: accounts.map { "\($0): mode: rest -> canary" },
            file: sources == nil ? nil : "/etc/bybitctl/accounts.yaml",
            sources: sources,
            overrides: overrides
        )
    }

    static func sources(_ text: String = "version: 1\n", included: String = "name: b\n") -> ConfigurationSources {
        ConfigurationSources(files: [
            .init(path: "/etc/bybitctl/accounts.yaml", include: nil, text: text),
            .init(path: "/etc/bybitctl/accounts.d/b.yaml", include: 0, text: included),
        ])
    }
}

extension Store {
    /// Nil for a commit that failed.
    func tryCommit(_ draft: RevisionDraft, patience: Duration = .seconds(20)) async -> Result<Int, StoreError> {
        do {
            return .success(try await self.commit(draft, patience: patience))
        } catch {
            return .failure(error)
        }
    }

    /// Until the body is over no revision can be written.
    func withoutRevisionTable(_ body: () async throws -> Void) async throws {
        try await self.database.write { try $0.execute(sql: "ALTER TABLE account_override RENAME TO hidden") }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        try await self.database.write { try $0.execute(sql: "ALTER TABLE hidden RENAME TO account_override") }
        try outcome.get()
    }

    /// How many texts of files are kept.
    func textCount() async throws -> Int? {
        try await self.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM source_text") }
    }

    /// Until it can write again.
    func waitUntilWell() async throws {
        while self.trouble != nil { try await Task.sleep(for: .milliseconds(5)) }
    }

    func allRevisions() async throws -> [Revision] { try await self.revisions(RevisionsRequest(limit: 10_000)) }
}

extension Result where Success == Int, Failure == StoreError {
    /// Nil for a success.
    var failure: StoreError? {
        if case .failure(let error) = self { error } else { nil }
    }
}
