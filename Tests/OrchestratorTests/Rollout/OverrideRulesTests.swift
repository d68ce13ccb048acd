import Testing

@testable import Orchestrator

@Suite struct OverrideRulesTests {
    private func fleet(_ accounts: String) throws -> Configuration {
        try configuration(simulatorHeader + "defaults: { mode: canary, enabled: false }\naccounts: [\(accounts)]\n")
    }

    private func rules(
        _ old: String?,
        _ new: String,
        _ overrides: [String: AccountOverride]
    ) throws -> OverrideRules {
        OverrideRules(applying: try self.fleet(new), over: try old.map { try self.fleet($0) }, overrides: overrides)
    }

    private let all = AccountOverride(isEnabled: true, mode: .cutover, percent: 50, isDrained: true)

    @Test func whatTheFileSaysAsBeforeEndsNothing() throws {
        let rules = try self.rules("{ name: a }", "{ name: a, mode: canary, dry_run: false }", ["a": self.all])
        #expect(rules.overrides == ["a": self.all])
        #expect(rules.changes.isEmpty && rules.endings.isEmpty)
    }

    @Test func aModeThatChangesInTheFileEndsModeAndPercent() throws {
        let rules = try self.rules("{ name: a }", "{ name: a, mode: rest }", ["a": self.all])
        let left = AccountOverride(isEnabled: true, isDrained: true)
        #expect(rules.overrides == ["a": left])
        #expect(rules.changes == ["a": left])
        #expect(rules.endings.map(\.description) == ["a: override mode cutover 50 ends: the file says otherwise now"])
    }

    /// Also if the override said the same: from now on the file does.
    @Test func aFileThatSaysWhatTheOverrideSaidEndsIt() throws {
        let rules = try self.rules("{ name: a }", "{ name: a, mode: hybrid }", ["a": AccountOverride(mode: .hybrid)])
        #expect(rules.overrides.isEmpty)
        #expect(rules.changes.count == 1 && rules.changes["a"] == .some(nil))
    }

    @Test func enabledThatChangesInTheFileEndsThat() throws {
        let rules = try self.rules("{ name: a }", "{ name: a, enabled: true }", ["a": self.all])
        #expect(rules.overrides["a"] == AccountOverride(mode: .cutover, percent: 50, isDrained: true))
        #expect(rules.endings.map(\.key) == ["enabled"])
    }

    @Test func drainedStaysUntilResume() throws {
        let drained = AccountOverride(isDrained: true)
        let rules = try self.rules("{ name: a }", "{ name: a, enabled: true, mode: rest }", ["a": drained])
        #expect(rules.overrides == ["a": drained] && rules.changes.isEmpty)
    }

    @Test func anAccountThatIsGoneLosesAll() throws {
        let rules = try self.rules("{ name: a }, { name: b }", "{ name: b }", ["a": self.all, "b": self.all])
        #expect(rules.overrides == ["b": self.all])
        #expect(rules.changes.keys.sorted() == ["a"] && rules.changes["a"] == .some(nil))
        #expect(rules.endings.map(\.key) == ["enabled", "mode", "drained"])
        #expect(rules.endings.allSatisfy { $0.description.hasSuffix("ends: the account is gone") })
    }

    @Test func withoutAFormerFileOnlyWhatIsGoneEnds() throws {
        let rules = try self.rules(nil, "{ name: b, mode: rest }", ["a": self.all, "b": self.all])
        #expect(rules.overrides == ["b": self.all])
    }

    // MARK: Together

    @Test(
        arguments: [
            ("{ name: a }", AccountOverride(), nil, "disabled", "canary", false),
            ("{ name: a, enabled: true }", AccountOverride(), nil, "canary", "canary", true),
            ("{ name: a, enabled: true }", AccountOverride(isEnabled: false), nil, "disabled", "canary", false),
            ("{ name: a }", AccountOverride(isEnabled: true, mode: .hybrid), nil, "hybrid", "hybrid", true),
            ("{ name: a }", AccountOverride(isEnabled: true, isDrained: true), nil, "drained", "canary", false),
            ("{ name: a, mode: cutover, enabled: true }", AccountOverride(), nil, "cutover 30", "cutover 30", true),
            (
                "{ name: a, enabled: true }", AccountOverride(mode: .cutover, percent: 70), nil, "cutover 70",
                "cutover 70",
                true
            ),
            ("{ name: a, enabled: true }", AccountOverride(mode: .cutover), nil, "cutover 30", "cutover 30", true),
            ("{ name: a, enabled: true }", AccountOverride(mode: .hybrid), .parallel, "parallel", "parallel", true),
            ("{ name: a, enabled: true }", AccountOverride(mode: .hybrid), .cutover, "cutover 30", "cutover 30", true),
            (
                "{ name: a, enabled: true }", AccountOverride(mode: .cutover, percent: 70), .hybrid, "cutover 70",
                "cutover 70", true
            ),
            ("{ name: a, enabled: true }", AccountOverride(mode: .rest, percent: 70), nil, "rest", "rest", true),
        ] as [(String, AccountOverride, Mode?, String, String, Bool)]
    )
    func whatFileOverrideAndCapMakeOfAnAccount(
        _ account: String,
        _ override: AccountOverride,
        _ cap: Mode?,
        _ text: String,
        _ modeText: String,
        _ runs: Bool
    ) throws {
        let effective = EffectiveAccount(
            try self.fleet(account).accounts[0],
            override: override,
            modeCap: cap,
            steps: [30, 100]
        )
        #expect(effective.text == text)
        #expect(effective.modeText == modeText)
        #expect(effective.runs == runs)
        #expect((effective.percent != nil) == (effective.mode == .cutover))
    }

    @Test func driftSaysWhatHoldsAndWhy() throws {
        let account = try self.fleet("{ name: sub-001, mode: hybrid, enabled: true }").accounts[0]
        let stored = StoredOverride(
            AccountOverride(isEnabled: false, mode: .cutover, isDrained: true),
            enabledBy: .init(revision: 11, kind: .disable),
            modeBy: .init(revision: 12, kind: .rollback)
        )
        #expect(
            stored.drift(from: account, steps: [50, 100]) == [
                "sub-001: enabled in the file, disabled by override (revision 11, disable)",
                "sub-001: mode hybrid in the file, cutover 50 by override (revision 12, rollback)",
                "sub-001: not drained in the file, drained by override",
            ]
        )
        let same = StoredOverride(AccountOverride(isEnabled: true, mode: .hybrid))
        #expect(same.drift(from: account, steps: [50, 100]).isEmpty)
    }
}
