import HybridStream
import Orchestrator

/// What a start would do: with the file, or with the revision that a rollback has brought back.
struct OfflinePlan {
    let configuration: Configuration
    let sources: ConfigurationSources?
    let loader: ConfigurationLoader
    let location: InstanceLocation

    func document() throws -> PlanDocument {
        guard let file = try self.location.storedRevisions() else {
            return try PlanDocument(FleetPlan(.start, of: self.configuration, over: nil, overrides: [:]))
        }
        let left: (overrides: [String: StoredOverride], last: ConfigurationSources?, restored: Int?)
        do {
            let last = try file.lastSources()
            let read = try file.lastReadSources()
            let isRestored = last != nil && read != last?.sources && read == self.sources
            left = (try file.overrides(), last?.sources, isRestored ? last?.revision : nil)
        } catch {
            throw CommandError(.failed, "what the last run has left cannot be read: \(error)")
        }
        let former = left.last.flatMap { self.load($0) }
        guard let revision = left.restored, let former, self.canRun(former) else {
            return try PlanDocument(
                FleetPlan(.start, of: self.configuration, over: former, overrides: left.overrides)
            )
        }
        var plan = FleetPlan(.start, of: former, over: former, overrides: left.overrides)
        plan.warnings.insert(
            "nobody has edited the file since it was rolled back: a start runs revision \(revision); apply takes the file",
            at: 0
        )
        return try PlanDocument(plan)
    }

    /// As the former file was, with the credentials of the present one.
    private func load(_ sources: ConfigurationSources) -> Configuration? {
        var credentials: [String: Credentials] = [:]
        for account in self.configuration.accounts { credentials[account.name] = account.credentials }
        return self.loader.load(sources: sources, credentials: credentials).configuration
    }

    private func canRun(_ former: Configuration) -> Bool {
        ConfigurationDiff(from: self.configuration, to: former).fixed.isEmpty
    }
}
