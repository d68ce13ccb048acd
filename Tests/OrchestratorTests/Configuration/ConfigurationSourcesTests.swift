import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ConfigurationSourcesTests {
    private static let secrets = ["hunter1", "hunter2", "Hunter3", "hunter-four"]

    /// What came of loading a text, and of loading it again from its sources.
    private func roundTrip(
        _ text: String,
        environment: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> (configuration: Configuration, again: Configuration, sources: ConfigurationSources) {
        let result = loadText(text, environment: environment)
        let configuration = try #require(
            result.configuration,
            "\(DiagnosticRenderer.text(result.diagnostics))",
            sourceLocation: sourceLocation
        )
        let sources = try #require(result.sources, sourceLocation: sourceLocation)
        let again = self.load(sources, configuration, environment: environment)
        let loaded = try #require(
            again.configuration,
            "\(DiagnosticRenderer.text(again.diagnostics))\n\(sources.files[0].text)",
            sourceLocation: sourceLocation
        )
        return (configuration, loaded, sources)
    }

    private func load(
        _ sources: ConfigurationSources,
        _ running: Configuration?,
        environment: [String: String] = [:]
    ) -> ConfigurationResult {
        var credentials: [String: Credentials] = [:]
        for account in running?.accounts ?? [] { credentials[account.name] = account.credentials }
        return ConfigurationLoader(
            environment: environment,
            homeDirectory: "/home/me",
            effectiveUserID: 1_000,
            workingDirectory: "/elsewhere"
        ).load(sources: sources, credentials: credentials)
    }

    /// Secrets as they may be written. Each must be gone, and each file must load as before.
    @Test(arguments: [
        "credentials: { api_key: hunter1, api_secret: hunter2 }",
        "credentials: {api_key: hunter1,api_secret: \"hunter2\"}",
        "credentials: {\"api_key\":\"hunter1\",\"api_secret\":'hunter2'}",
        "credentials:\n      api_key: hunter1   # hunter2\n      api_secret: 'hunter2'\n",
        "credentials:\n      api_key: |-\n        hunter1\n      api_secret: >-\n        hunter2\n",
        "credentials:\n      api_secret: |- # hunter1\n        hunter2\n\n      # hunter1\n      api_key: \"hunter1\"\n",
        "credentials:\n      api_key: >-\n        hunter1\n\n      api_secret: |-\n        hunter2",
        "credentials: { api_key: \"hun\\\n      ter1\", api_secret: \"\\x68unter2\" }",
        "credentials: { api_key: &k hunter1, api_secret: *k }",
        "credentials: { api_key: &k \"hunter1\", api_secret: &s hunter2 }",
        "credentials: { api_key: &k !  'hunter1', api_secret: ! &s hunter2 }",
        "credentials: { api_key: &k # hunter2\n      hunter1, api_secret: hunter2 }",
        "credentials: { ? api_key : hunter1, ? api_secret : hunter2 }",
        "credentials: { api_key: \"${K:-hunter1}\", api_secret: \"hunter2${EMPTY}\" }",
        "credentials: { api_key: \"${K}\", <<: { api_key: hunter1, api_secret: hunter2 } }",
        "credentials: { <<: [{ api_key: hunter1 }, { api_key: hunter-four, api_secret: hunter2 }] }",
        "<<: { credentials: { api_key: hunter1, api_secret: hunter2 } }",
        "credentials: *plain",
        "credentials: { api_key: *word, api_secret: hunter2 }",
        "credentials: { <<: *plain, api_key: hunter1 }",
    ])
    func noSecretStaysAndTheFileLoadsAsBefore(_ credentials: String) throws {
        let text = """
            # hunter1
            version: 1 # hunter1
            exchange: { environment: simulator } #hunter1
            x-plain: &plain # hunter1
              api_key: Hunter3
              api_secret: hunter-four
            x-word: &word hunter1
            x-tokens: [hunter1, { hunter2: Hunter3 }, true]
            strategies: { s: { sinks: [{ jsonl: { path: "a#b/{account}" } }] } }
            accounts:
              - name: a
                enabled: true
                \(credentials)
                # the end of it
                mode: rest
                strategy: s

            """
        let (configuration, again, sources) = try self.roundTrip(text, environment: ["K": "outside", "EMPTY": ""])
        #expect(again == configuration)
        let kept = sources.files[0].text
        // A word under a harmless key is a secret as soon as an alias makes one of it.
        let isWordUsed = credentials.contains("*word")
        for secret in Self.secrets {
            let allowed = secret == "hunter1" && !isWordUsed ? kept.contains("&word hunter1") : false
            let rest = allowed ? kept.replacingOccurrences(of: "&word hunter1", with: "") : kept
            #expect(!rest.contains(secret), "\(secret) in\n\(kept)")
        }
        #expect(!kept.contains("outside"))
        #expect(kept.contains("a#b/{account}"), "what is no comment stays")
        #expect(!kept.contains("the end of it"))
    }

    @Test func whereASecretComesFromStays() throws {
        let folder = try TemporaryFolder()
        try folder.write("k", "hunter1")
        try folder.write("s", "hunter2")
        try folder.write(
            "accounts.yaml",
            simulatorHeader + """
                strategies: { s: {} }
                defaults: { strategy: s, enabled: true }
                accounts:
                  - { name: a, credentials: { api_key_file: k, api_secret_file: ~/s } }
                  - { name: b, credentials: { api_key: "${KEY}", api_secret: '${SECRET}' } }

                """
        )
        let environment = ["KEY": "hunter3", "SECRET": "hunter4"]
        let result = folder.load(environment: environment)
        let sources = try #require(result.sources, "\(DiagnosticRenderer.text(result.diagnostics))")
        #expect(sources.files.map(\.path) == [folder.path + "/accounts.yaml"])
        #expect(!sources.files[0].text.contains("hunter"))
        // The keys have been exchanged meanwhile, and the file is gone.
        try folder.write("k", "new-key")
        try FileManager.default.removeItem(atPath: folder.path + "/accounts.yaml")
        let loader = ConfigurationLoader(
            environment: ["KEY": "new", "SECRET": "hunter4"],
            homeDirectory: folder.path,
            workingDirectory: "/"
        )
        let again = loader.load(sources: sources, credentials: [:])
        #expect(
            again.configuration?.accounts.map(\.credentials) == [
                Credentials(apiKey: "new-key", apiSecret: "hunter2"), Credentials(apiKey: "new", apiSecret: "hunter4"),
            ]
        )
        #expect(again.sources == sources)
    }

    @Test func includesAreReadFromWhatWasKept() throws {
        let folder = try TemporaryFolder()
        try folder.write("d/10.yaml", "name: b\ncredentials: { api_key: hunter1, api_secret: hunter2 }\n")
        try folder.write(
            "d/20.yaml",
            "- { name: c }\n- { name: d, overrides: { sinks: [{ jsonl: { path: out } }] } }\n"
        )
        try folder.write("e/10.yaml", "name: e\n")
        try folder.write("empty.yaml", "# nothing yet\n")
        try folder.write(
            "accounts.yaml",
            simulatorHeader
                + "accounts: [{ name: a }, include: d/*.yaml, include: none/*, include: empty.yaml, include: e/10.yaml]\n"
        )
        let result = folder.load()
        let sources = try #require(result.sources, "\(DiagnosticRenderer.text(result.diagnostics))")
        #expect(sources.files.map(\.include) == [nil, 0, 0, 2, 3])
        #expect(sources.files.dropFirst().map(\.path).allSatisfy { $0.hasPrefix(folder.path + "/") })
        for name in ["d", "e", "accounts.yaml", "empty.yaml"] {
            try FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
        try folder.write("d/15.yaml", "name: late\n")
        let again = self.load(sources, result.configuration)
        #expect(again.configuration?.accounts == result.configuration?.accounts)
        #expect(again.configuration?.accounts.map(\.name) == ["a", "b", "c", "d", "e"])
        #expect(again.diagnostics.map(\.code.rawValue).contains("include-empty"))
    }

    @Test(arguments: ContractExamples.all.indices)
    func theExamplesOfTheContractLoadAsBefore(_ index: Int) throws {
        let text = ContractExamples.all[index].text
        let (configuration, again, sources) = try self.roundTrip(
            text,
            environment: ["SUB001_KEY": "hunter1", "SUB001_SECRET": "hunter2"]
        )
        #expect(again == configuration)
        #expect(!sources.files[0].text.contains("hunter"))
        #expect(
            sources.files[0].text.split(separator: "\n", omittingEmptySubsequences: false).count
                == text.split(separator: "\n", omittingEmptySubsequences: false).count,
            "line numbers stay"
        )
    }

    @Test func aSecretThatIsNotKeptAndThatNobodyHasIsSaidSo() throws {
        let text =
            simulatorHeader + "strategies: { s: {} }\ndefaults: { strategy: s, enabled: true }\n"
            + "accounts: [{ name: a, credentials: { api_key: hunter1, api_secret: hunter2 } }]\n"
        let result = loadText(text)
        let again = self.load(try #require(result.sources), nil)
        #expect(again.configuration == nil && again.sources == nil)
        let message = DiagnosticRenderer.text(again.diagnostics)
        #expect(again.diagnostics.map(\.code.rawValue) == ["secret-not-kept", "secret-not-kept"])
        #expect(message.contains("account \"a\" had it written out in /nowhere/accounts.yaml"))
        #expect(message.contains("apply a file that has it; with api_key_file"))
        #expect(again.exitCode == 78)
    }

    @Test func ofADisabledAccountThatIsAWarning() throws {
        let text =
            simulatorHeader + "accounts: [{ name: a, credentials: { api_key: hunter1, api_secret: hunter2 } }]\n"
        let again = self.load(try #require(loadText(text).sources), nil)
        #expect(again.exitCode == 0)
        #expect(again.configuration?.accounts.first?.credentials == nil)
        #expect(again.diagnostics.map(\.severity).contains(.warning))
    }

    /// Where no secret belongs there is nothing to take its place from.
    @Test(arguments: [
        "[./bot, \"--api-key=hunter1\"]", "[./bot, --api-secret, hunter1]", "[./bot, \"https://me:hunter1@host/\"]",
    ])
    func whatLooksLikeASecretIsNotKeptEither(_ command: String) throws {
        let text =
            simulatorHeader + "strategies: { s: { sinks: [{ exec: { command: \(command) } }] } }\n"
            + "accounts: [{ name: a, strategy: s }]\n"
        let sources = try #require(loadText(text).sources)
        #expect(!sources.files[0].text.contains("hunter1"))
        let again = self.load(sources, nil)
        #expect(again.diagnostics.map(\.code.rawValue) == ["secret-not-kept"])
        #expect(again.diagnostics.first?.help?.contains("write ${NAME}") == true)
    }

    @Test func aReferenceAmongArgumentsStays() throws {
        let text =
            simulatorHeader
            + "strategies: { s: { sinks: [{ exec: { command: [./bot, --api-key, \"${KEY}\", \"--token-file=x\"] } }] } }\n"
            + "accounts: [{ name: a, strategy: s }]\n"
        let (configuration, again, sources) = try self.roundTrip(text, environment: ["KEY": "hunter1"])
        #expect(again == configuration)
        #expect(!sources.files[0].text.contains("hunter1"))
    }

    /// A word of the grammar is no secret, whatever it stands under.
    @Test func anAnchorWithAnUnfortunateNameStillWorks() throws {
        let text =
            simulatorHeader + "x-token-accounts: &base { enabled: true, mode: parallel, dry_run: false }\n"
            + "strategies: { s: {} }\naccounts: [{ name: a, strategy: s, <<: *base }]\n"
        let (configuration, again, _) = try self.roundTrip(text)
        #expect(again == configuration)
        #expect(again.accounts.first?.mode == .parallel)
    }

    @Test func lettersOfAnyLengthAndAnyLineBreakAreCountedRight() throws {
        let text =
            "# größe 🙂\r\nversion: 1\r\nexchange: { environment: simulator }\r\nx-ü: [ü, 🙂, \"ñ\"] # 🙂\r\n"
            + "accounts: [{ name: a, credentials: { x: 1 } }]\r\n"
        let right = text.replacingOccurrences(
            of: "{ x: 1 }",
            with: "{ \"api_key\": \"hunter1\", \"api_secret\": hunter2 }"
        )
        let (configuration, again, sources) = try self.roundTrip(right)
        #expect(again == configuration)
        #expect(
            sources.files[0].text
                == "\r\nversion: 1\r\nexchange: { environment: simulator }\r\nx-ü: [ü, 🙂, \"ñ\"] \r\n"
                + "accounts: [{ name: a, credentials: { \"api_key\": \"<secret not kept>\", \"api_secret\": \"<secret not kept>\" } }]\r\n"
        )
    }

    /// Every alias twice as large as the one before: looked at once each.
    @Test func aliasesOfAliasesCostNothing() throws {
        var text = simulatorHeader + "x-a0: &a0 [hunter1]\n"
        for level in 1...14 { text += "x-a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        text += "x-token: *a14\naccounts: []\n"
        let sources = try #require(loadText(text).sources)
        #expect(!sources.files[0].text.contains("hunter1"))
    }

    @Test func afterAnErrorThereAreNoSources() {
        #expect(loadText(simulatorHeader + "accounts: [{ nam: a }]\n").sources == nil)
    }

    /// The store of a large fleet: each secret is gone, each account gets its own back.
    @Test func aLargeFleetOnOneLineLoadsAsBefore() throws {
        let accounts = (0..<2_000).map {
            "{ name: a\($0), credentials: { api_key: hunter-k\($0), api_secret: hunter-s\($0) } }"
        }
        let text = simulatorHeader + "accounts: [" + accounts.joined(separator: ", ") + "]\n"
        let (configuration, again, sources) = try self.roundTrip(text)
        #expect(again == configuration)
        #expect(again.accounts[1_999].credentials?.apiKey == "hunter-k1999")
        #expect(!sources.files[0].text.contains("hunter"))
    }

    @Test func sourcesGoThroughJSON() throws {
        let sources = RevisionFixtures.sources()
        #expect(try JSONDecoder().decode(ConfigurationSources.self, from: try JSONEncoder().encode(sources)) == sources)
    }
}
