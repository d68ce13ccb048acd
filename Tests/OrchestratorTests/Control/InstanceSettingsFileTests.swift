import Foundation
import Testing

@testable import Orchestrator

@Suite struct InstanceSettingsFileTests {
    private func read(_ text: String, environment: [String: String] = [:]) throws -> InstanceLocation.Settings {
        let folder = try ControlTestFolder()
        let path = folder.path + "/accounts.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let user = SystemUser(userID: 1000, homeDirectory: "/home/ann", currentDirectory: folder.path)
        var settings = try InstanceLocation.Settings.read("accounts.yaml", environment: environment, user: user)
        settings.stateDirectory = settings.stateDirectory.map { $0.replacing(folder.path, with: "FOLDER") }
        return settings
    }

    @Test func theRestMayBeMissing() throws {
        let text = """
            instance: night
            runtime: { state_dir: ~/state }
            accounts:
              - name: sub-001
                unknown: key
                credentials: { api_key: "${NOT_SET_IN_CRON}", api_secret: "${NOT_SET_EITHER}" }
            """
        #expect(try self.read(text) == .init(stateDirectory: "/home/ann/state", instance: "night"))
    }

    @Test func whatIsNotSaidIsNil() throws {
        #expect(try self.read("version: 1\n") == .init(stateDirectory: nil, instance: nil))
    }

    @Test func relativeToTheFileAndFromTheEnvironment() throws {
        #expect(
            try self.read(
                "instance: ${WHICH}\nruntime: { state_dir: ./state }\n",
                environment: ["WHICH": "day"]
            ) == .init(stateDirectory: "FOLDER/state", instance: "day")
        )
    }

    @Test(arguments: [
        "a: [", "runtime: { state_dir: [1] }", "instance: ${NOT_SET}", "runtime: { state_dir: ~bob/state }",
    ])
    func whatCannotBeTold(text: String) {
        let error = #expect(throws: InstanceError.self) { try self.read(text) }
        #expect(error?.code == .configuration)
        #expect(error?.exitCode == 78)
        #expect(error?.message.contains("accounts.yaml") == true)
    }

    @Test func noFile() {
        let user = SystemUser(userID: 1000, homeDirectory: "/home/ann", currentDirectory: "/nowhere")
        let error = #expect(throws: InstanceError.self) {
            try InstanceLocation.Settings.read("accounts.yaml", environment: [:], user: user)
        }
        #expect(error?.code == .configuration)
    }
}
