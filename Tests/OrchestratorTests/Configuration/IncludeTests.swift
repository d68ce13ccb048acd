import HybridStream
import Testing

@testable import Orchestrator

@Suite struct IncludeTests {
    @Test func filesAreReadInTheOrderOfTheirNames() throws {
        let folder = try TemporaryFolder()
        try folder.write("accounts.d/20.yaml", "- { name: c }\n- { name: d }\n")
        try folder.write("accounts.d/10.yaml", "name: b\n")
        try folder.write("accounts.d/README", "no account\n")
        try folder.write(
            "accounts.yaml",
            simulatorHeader + "accounts: [{ name: a }, include: accounts.d/*.yaml, { name: e }]\n"
        )
        let result = folder.load()
        #expect(DiagnosticRenderer.text(result.diagnostics) == "")
        #expect(result.configuration?.accounts.map(\.name) == ["a", "b", "c", "d", "e"])
    }

    @Test func pathsAreRelativeToTheFileThatNamesThem() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "more/a.yaml",
            "name: a\ncredentials: { api_key_file: k, api_secret_file: ~/s }\noverrides: { sinks: [{ jsonl: { path: \"./out/{account}\" } }] }\n"
        )
        try folder.write("more/k", "key\n")
        try folder.write("s", "secret")
        try folder.write("accounts.yaml", simulatorHeader + "accounts:\n  - include: ./more/a.yaml\n")
        let result = folder.load()
        #expect(DiagnosticRenderer.text(result.diagnostics) == "")
        let account = try #require(result.configuration?.accounts.first)
        #expect(account.credentials?.apiKey == "key" && account.credentials?.apiSecret == "secret")
        #expect(
            account.strategy.sinks.map { if case .jsonl(let sink) = $0 { sink.path } else { "" } } == [
                "\(folder.path)/more/out/a"
            ]
        )
    }

    @Test func mistakesAreReportedInTheFileTheyAreIn() throws {
        let folder = try TemporaryFolder()
        try folder.write("d/a.yaml", "name: main\nmod: rest\n")
        try folder.write("d/b.yaml", "- name: main\n- include: c.yaml\n")
        try folder.write("d/c.yaml", "# empty\n")
        try folder.write(
            "accounts.yaml",
            simulatorHeader + "accounts:\n  - include: d/*.yaml\n  - include: d/a.yaml\n  - include: accounts.yaml\n"
        )
        #expect(
            DiagnosticRenderer.text(folder.load().diagnostics) == """
                accounts.yaml:5:14: error: include: "d/a.yaml" is already part of the configuration [include]
                    5 |   - include: d/a.yaml
                      |              ^~~~~~~~
                      = the first time: accounts.yaml:4:14
                accounts.yaml:6:14: error: include: "accounts.yaml" is already part of the configuration [include]
                    6 |   - include: accounts.yaml
                      |              ^~~~~~~~~~~~~
                      = the first time: accounts.yaml:1:1
                d/a.yaml:2:1: error: unknown key "mod" in an account [unknown-key]
                    2 | mod: rest
                      | ^~~
                      = expected one of: name, enabled, mode, strategy, dry_run, credentials, overrides
                      = did you mean "mode"?
                d/b.yaml:1:9: error: duplicate account name "main" [duplicate-name]
                    1 | - name: main
                      |         ^~~~
                      = the first one: d/a.yaml:1:7
                      = help: every account has a name of its own
                d/b.yaml:2:3: error: an included file cannot include others [include]
                    2 | - include: c.yaml
                      |   ^~~~~~~
                      = help: put the include: into the main file
                d/c.yaml:1:1: warning: the file is empty [empty-file]
                    1 | # empty
                      | ^

                """
        )
    }

    @Test func aPatternThatMatchesNothingIsAWarning() throws {
        let folder = try TemporaryFolder()
        try folder.write("accounts.yaml", simulatorHeader + "accounts: [{ name: a }, { include: none/*.yaml }]\n")
        let result = folder.load()
        #expect(result.diagnostics.map(\.code.rawValue) == ["include-empty"])
        #expect(result.configuration?.accounts.count == 1)
    }

    @Test func oddFolderNamesAreNoPatterns() throws {
        let folder = try TemporaryFolder()
        try folder.write("a[1]*/d/x.yaml", "name: x\n")
        try folder.write("a[1]*/accounts.yaml", simulatorHeader + "accounts: [{ include: d/*.yaml }]\n")
        let result = folder.load("a[1]*/accounts.yaml")
        #expect(result.configuration?.accounts.map(\.name) == ["x"])
    }

    @Test func aFolderOrAMissingFileIsSaidSo() throws {
        let folder = try TemporaryFolder()
        try folder.write("d/x.yaml", "name: x\n")
        #expect(folder.load("d").diagnostics.map(\.message) == ["the file cannot be read: it is a folder"])
        let missing = folder.load("none.yaml")
        #expect(missing.diagnostics.map(\.message) == ["the file cannot be read: there is no such file"])
        #expect(missing.exitCode == 78)
    }
}
