import Foundation
import Testing

@testable import Orchestrator

@Suite struct InstanceLockTests {
    private func mode(_ path: String) throws -> Int? {
        (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test func theSecondHolderIsRefusedAndToldWho() throws {
        let folder = try ControlTestFolder()
        let location = try InstanceLocation(stateDirectory: folder.path, instance: "default")
        let lock = try InstanceLock.acquire(location)
        let error = #expect(throws: InstanceError.self) { try InstanceLock.acquire(location) }
        #expect(error?.code == .busy)
        #expect(error?.exitCode == 75)
        #expect(error?.pid == getpid())
        #expect(error?.message.contains("process \(getpid())") == true)
        #expect(error?.message.contains("bybitctl apply") == true)
        #expect(lock.location == location)
    }

    @Test func lettingGoMakesRoom() throws {
        let folder = try ControlTestFolder()
        let location = try InstanceLocation(stateDirectory: folder.path, instance: "default")
        do {
            let first = try InstanceLock.acquire(location)
            #expect(first.location.instance == "default")
        }
        _ = try InstanceLock.acquire(location)
    }

    @Test func instancesDoNotDisturbEachOther() throws {
        let folder = try ControlTestFolder()
        let day = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "day"))
        let night = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "night"))
        #expect(day.location.directory != night.location.directory)
    }

    @Test func theFolderIsPrivate() throws {
        let folder = try ControlTestFolder()
        let location = try InstanceLocation(stateDirectory: folder.path + "/deep/state", instance: "default")
        try FileManager.default.createDirectory(
            atPath: location.directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        let lock = try InstanceLock.acquire(location)
        #expect(try self.mode(lock.location.directory) == 0o700)
        #expect(try self.mode(lock.location.lockFile) == 0o600)
    }

    @Test func aFileInTheWayIsNamed() throws {
        let folder = try ControlTestFolder()
        try Data().write(to: URL(fileURLWithPath: folder.path + "/default"))
        let location = try InstanceLocation(stateDirectory: folder.path, instance: "default")
        let error = #expect(throws: InstanceError.self) { try InstanceLock.acquire(location) }
        #expect(error?.code == .io)
        #expect(error?.message.contains(folder.path + "/default") == true)
    }
}
