import Testing

@testable import Orchestrator

@Suite struct InstanceLocationTests {
    private let user = SystemUser(userID: 1000, homeDirectory: "/home/ann", currentDirectory: "/srv/bot")

    private func resolve(
        _ request: InstanceLocation.Request,
        environment: [String: String] = [:],
        settings: InstanceLocation.Settings = .init(stateDirectory: "/file/state", instance: "night")
    ) throws -> InstanceLocation {
        try InstanceLocation.resolve(request, environment: environment, user: self.user) { _ in settings }
    }

    @Test func withNothingSaid() throws {
        let location = try self.resolve(.init())
        #expect(location.controlSocket == "/home/ann/.local/state/bybitctl/default/control.sock")
        #expect(location.lockFile == "/home/ann/.local/state/bybitctl/default/lock")
    }

    @Test func rootHasItsOwnPlace() throws {
        let root = SystemUser(userID: 0, homeDirectory: "/root", currentDirectory: "/")
        let location = try InstanceLocation.resolve(.init(), environment: [:], user: root) { _ in
            .init(stateDirectory: nil, instance: nil)
        }
        #expect(location.directory == "/var/lib/bybitctl/default")
    }

    @Test func flagsThenEnvironmentThenFile() throws {
        let environment = ["BYBITCTL_STATE_DIR": "/env/state", "XDG_RUNTIME_DIR": "/run/user/1000"]
        let file = InstanceLocation.Request(configurationFile: "accounts.yaml")
        #expect(try self.resolve(file).directory == "/file/state/night")
        #expect(try self.resolve(file, environment: environment).directory == "/env/state/night")
        let flags = InstanceLocation.Request(
            stateDirectory: "/flag",
            instance: "day",
            configurationFile: "accounts.yaml"
        )
        #expect(try self.resolve(flags, environment: environment).directory == "/flag/day")
        #expect(
            try self.resolve(.init(), environment: ["BYBITCTL_STATE_DIR": ""]).stateDirectory.hasPrefix("/home/ann")
        )
    }

    @Test func theFileIsReadOnlyIfSomethingIsOpen() throws {
        struct Read: Error {}
        let request = InstanceLocation.Request(stateDirectory: "/s", instance: "i", configurationFile: "broken.yaml")
        let location = try InstanceLocation.resolve(request, environment: [:], user: self.user) { _ in throw Read() }
        #expect(location.directory == "/s/i")
        #expect(throws: Read.self) {
            try InstanceLocation.resolve(
                .init(stateDirectory: "/s", configurationFile: "broken.yaml"),
                environment: [:],
                user: self.user
            ) { _ in throw Read() }
        }
    }

    @Test(arguments: [
        ("~/state", "/home/ann/state"), ("~", "/home/ann"), ("state", "/srv/bot/state"), ("./a//b/", "/srv/bot/a/b"),
        ("/x", "/x"), ("~ann", "/srv/bot/~ann"),
    ])
    func pathsBecomeAbsolute(path: String, absolute: String) {
        #expect(self.user.absolute(path) == absolute)
    }

    @Test func aPathThatIsTooLongForASocket() throws {
        let folder = "/" + String(repeating: "x", count: 103 - "//default/control.sock".count)
        let longest = try InstanceLocation(stateDirectory: folder, instance: "default")
        #expect(longest.controlSocket.utf8.count == 103)
        let error = #expect(throws: InstanceError.self) {
            try InstanceLocation(stateDirectory: folder + "x", instance: "default")
        }
        #expect(error?.code == .pathTooLong)
        #expect(error?.exitCode == 78)
        #expect(error?.message.contains("104 bytes") == true)
        #expect(error?.message.contains("--state-dir") == true)
    }

    @Test(arguments: ["", ".", "..", "a/b"])
    func namesThatAreNoFolders(name: String) {
        let error = #expect(throws: InstanceError.self) { try InstanceLocation(stateDirectory: "/s", instance: name) }
        #expect(error?.code == .badName)
        #expect(error?.exitCode == 64)
    }

    @Test func withoutAHomeTheUserDatabaseHelps() {
        let user = SystemUser.current(environment: [:])
        #expect(user.homeDirectory.hasPrefix("/"))
        #expect(user.currentDirectory.hasPrefix("/"))
        #expect(SystemUser.current(environment: ["HOME": "/elsewhere"]).homeDirectory == "/elsewhere")
    }
}
