import HybridStream
import Logging

/// The fleet at the start of the process.
extension Fleet {
    /// Brings up the fleet as the file and the overrides say. What the file changes since it was last applied ends overrides,
    /// as with an `apply`.
    func begin(floors: [String: Int64]) async throws {
        self.overrides = try await self.store.fetchOverrides()
        self.memories = try await self.store.fetchRolloutMemory()
        self.revision = try await self.store.revisions(RevisionsRequest(limit: 1)).first?.number ?? 0
        if let restored = try await self.restoredFile() {
            self.configuration = restored
        } else {
            try await self.noteStart()
        }
        let wanted = self.configuration.accounts.filter { self.standing($0).runs }
        self.sinks.expect(wanted.map { ($0.name, $0.strategy.sinks) })
        let problems = await self.start(wanted, floors: floors)
        for (name, problem) in problems.sorted(by: { $0.key < $1.key }) {
            self.logger.error(
                "account does not start",
                metadata: ["account": "\(name)", "reason": "\(problem)"]
            )
        }
        self.hasBegun = true
    }

    /// What `rollback --revision` has brought back, as long as nobody has edited the file on the disk since.
    private func restoredFile() async throws -> Configuration? {
        guard let last = try await self.store.fetchLastSources(),
            let read = try await self.store.fetchLastReadSources(),
            read != last.sources, read == self.options.origin?.sources, let result = self.load(last.sources)
        else { return nil }
        var obstacle = "it cannot run any more"
        do {
            let (restored, _) = try self.adapt(result, path: "revision \(last.revision)")
            if ConfigurationDiff(from: self.configuration, to: restored).fixed.isEmpty {
                self.logger.warning(
                    "nobody has edited the file since it was rolled back: the revision runs; apply takes the file",
                    metadata: ["revision": "\(last.revision)"]
                )
                return restored
            }
        } catch {
            obstacle += ": \(error)"
        }
        self.logger.error(
            "what was rolled back to does not run; the file on the disk does",
            metadata: ["revision": "\(last.revision)", "reason": "\(obstacle)"]
        )
        return nil
    }

    private func noteStart() async throws {
        let last = try await self.store.fetchLastSources()
        let sources = self.options.origin?.sources
        // The same file as before is no change, unless it was a rollback that brought it back before: what was read last
        // decides whether somebody has edited the file.
        if let last, last.sources == sources, try await self.store.fetchLastReadSources() == sources { return }
        let old = last.flatMap { self.load($0.sources)?.configuration }
        let rules = OverrideRules(
            applying: self.configuration,
            over: old,
            overrides: self.overrides.mapValues(\.override)
        )
        let diff =
            old.map { ConfigurationDiff(from: $0, to: self.configuration) } ?? ConfigurationDiff(of: self.configuration)
        let cause = Cause(kind: .start, caller: .process, reason: "")
        _ = try await self.commit(cause, diff, rules, sources, path: self.options.origin?.path)
    }

    /// A former file, with the credentials that run where it has a secret of its own.
    func load(_ sources: ConfigurationSources) -> ConfigurationResult? {
        guard let origin = self.options.origin else { return nil }
        var credentials = self.options.credentials
        for account in self.configuration.accounts {
            if let known = account.credentials { credentials[account.name] = known }
        }
        return origin.loader.load(sources: sources, credentials: credentials)
    }
}
