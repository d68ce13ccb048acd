import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct SecretTests {
    private func file(_ credentials: String, enabled: Bool = true) -> String {
        simulatorHeader + "strategies: { s: {} }\ndefaults: { strategy: s, enabled: \(enabled) }\n"
            + "accounts:\n  - name: a\n    credentials: { \(credentials) }\n"
    }

    @Test func filesOfTheirOwnerAreRead() throws {
        let folder = try TemporaryFolder()
        try folder.write("key", " the-key \r\n", mode: 0o600)
        try folder.write("secret", "the-secret", mode: 0o400)
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret"), mode: 0o644)
        let result = folder.load()
        #expect(DiagnosticRenderer.text(result.diagnostics) == "")
        #expect(
            result.configuration?.accounts.first?.credentials == Credentials(apiKey: "the-key", apiSecret: "the-secret")
        )
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
    func filesOfOthersAreRefused(_ mode: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write("key", "hunter1", mode: mode)
        try folder.write("secret", "hunter2")
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret"))
        let result = folder.load()
        let text = DiagnosticRenderer.text(result.diagnostics)
        #expect(result.exitCode == 77)
        #expect(
            text.hasPrefix(
                "accounts.yaml:7:34: error: api_key_file: others can get at the file \"key\" (mode 0\(String(mode, radix: 8)))"
            )
        )
        #expect(!text.contains("hunter"))
    }

    @Test func permissionsCountOnlyIfNothingElseIsWrong() throws {
        let folder = try TemporaryFolder()
        try folder.write("key", "k", mode: 0o644)
        try folder.write("secret", "s")
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret") + "    mode: fast\n")
        #expect(folder.load().exitCode == 78)
    }

    @Test func aDisabledAccountOnlyWarns() throws {
        let folder = try TemporaryFolder()
        try folder.write("key", "k", mode: 0o644)
        try folder.write(
            "accounts.yaml",
            self.file("api_key_file: key, api_secret: \"${UNSET}\"", enabled: false)
        )
        let result = folder.load()
        #expect(result.exitCode == 0)
        #expect(result.diagnostics.map(\.severity) == [.warning, .warning])
        #expect(result.configuration?.accounts.first?.credentials == nil)
    }

    @Test(arguments: [(0o644, 77), (0o640, 77), (0o604, 77), (0o600, 0), (0o400, 0)] as [(Int, Int32)])
    func inlineSecretsWantAPrivateFile(_ mode: Int, _ exitCode: Int32) throws {
        let folder = try TemporaryFolder()
        try folder.write("accounts.yaml", self.file("api_key: hunter1, api_secret: hunter2"), mode: mode)
        let result = folder.load()
        #expect(result.exitCode == exitCode)
        #expect(result.diagnostics.map(\.code.rawValue) == (exitCode == 0 ? [] : ["exposed-secret"]))
        #expect(!DiagnosticRenderer.text(result.diagnostics).contains("hunter"))
    }

    @Test func referencesAreNoInlineSecrets() throws {
        let folder = try TemporaryFolder()
        try folder.write("accounts.yaml", self.file("api_key: \"${K}\", api_secret: \"${S}\""), mode: 0o644)
        #expect(folder.load(environment: ["K": "k", "S": "s"]).exitCode == 0)
        try folder.write("accounts.yaml", self.file("api_key: \"${K}\", api_secret: \"${S:-hunter2}\""), mode: 0o644)
        let result = folder.load(environment: ["K": "k"])
        #expect(result.exitCode == 77)
        #expect(!DiagnosticRenderer.text(result.diagnostics).contains("hunter"))
    }

    @Test func systemdCredentialsAreRead() throws {
        let folder = try TemporaryFolder()
        try folder.write("creds/a.key", "k", mode: 0o440)
        try folder.write("creds/a.secret", "s\n", mode: 0o400)
        try folder.write("accounts.yaml", self.file("api_key_credential: a.key, api_secret_credential: a.secret"))
        let result = folder.load(environment: ["CREDENTIALS_DIRECTORY": folder.path + "/creds"])
        #expect(result.configuration?.accounts.first?.credentials == Credentials(apiKey: "k", apiSecret: "s"))
        let without = folder.load()
        #expect(without.exitCode == 78)
        #expect(without.diagnostics.first?.help == "systemd sets it for a unit that has LoadCredential=")
    }

    @Test(arguments: ["", "  \n", "two words", "line\nbreak", "tab\tin", "größe"])
    func onlyAWordIsASecret(_ text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("key", text)
        try folder.write("secret", "s")
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret"))
        #expect(folder.load().exitCode == 78)
    }

    @Test func hugeFilesAndFoldersAreNoSecrets() throws {
        let folder = try TemporaryFolder()
        try folder.write("key/inside", "k")
        try folder.write("secret", String(repeating: "x", count: 10_000))
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret"))
        #expect(folder.load().diagnostics.map(\.code.rawValue) == ["missing-secret", "secret-file"])
    }

    @Test func anotherUsersFileIsRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("key", "k")
        try folder.write("secret", "s")
        try folder.write("accounts.yaml", self.file("api_key_file: key, api_secret_file: secret"))
        let loader = ConfigurationLoader(
            environment: [:],
            homeDirectory: "/",
            effectiveUserID: 54_321,
            workingDirectory: folder.path
        )
        let result = loader.load(path: "accounts.yaml")
        // Root's files are everybody's friend; anybody else's are not.
        #expect(result.exitCode == (geteuid() == 0 ? 0 : 77))
    }
}
