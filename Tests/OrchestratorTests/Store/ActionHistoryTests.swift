import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ActionHistoryTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    private func filledStore() async throws -> Store {
        let store = try Store.open(path: self.folder.path)
        for (id, account, created) in [
            ("1", "a", 100), ("2", "b", 200), ("3", "a", 300), ("4", "c", 300), ("5", "a", 250),
        ] as [(String, String, Int64)] {
            store.recordAction(try StoreFixtures.action(id, account: account, created: created))
        }
        try await store.flush()
        return store
    }

    @Test func newestFirstByAccountTimeAndNumber() async throws {
        let store = try await self.filledStore()
        func ids(_ accounts: [String] = [], since: Int64? = nil, limit: Int = 100) async throws -> [String] {
            try await store.actions(account: accounts, since: since, limit: limit).map(\.orderLinkID)
        }
        #expect(try await ids() == ["4", "3", "5", "2", "1"])
        #expect(try await ids(["a"]) == ["3", "5", "1"])
        #expect(try await ids(["b", "c"]) == ["4", "2"])
        #expect(try await ids(since: 250) == ["4", "3", "5"])
        #expect(try await ids(["a"], since: 251) == ["3"])
        #expect(try await ids(limit: 2) == ["4", "3"])
        #expect(try await ids(["nobody"]) == [])
        try await store.close()
    }

    @Test func isReadBesideAThreadThatHangs() async throws {
        let store = try await self.filledStore()
        try await store.withBlockedDisk {
            store.recordAction(try StoreFixtures.action("6"), committed: { _ in })
            #expect(try await store.actions(account: [], since: nil, limit: 10).count == 5)
        }
        try await store.close()
    }

    @Test func namesTheAccountsThatTheStoreHasHeardOf() async throws {
        let store = try await self.filledStore()
        _ = try store.loadAll(["quiet"])
        let history = try await store.actionHistory(ActionsRequest(limit: 1))
        #expect(history.accounts == ["a", "b", "c", "quiet"])
        try await store.close()
    }

    /// After the end of the process, and after its death.
    @Test(arguments: [false, true]) func isReadWithoutAProcess(isKilled: Bool) async throws {
        let store = try await self.filledStore()
        let path = isKilled ? try self.folder.copy("killed") : self.folder.path
        try await store.close()
        let before = try self.folder.bytes(path)
        let history = try ActionHistory(storeAt: path, ActionsRequest(accounts: ["a"], limit: 2))
        #expect(history.actions.map(\.orderLinkID) == ["3", "5"])
        #expect(try self.folder.bytes(path) == before)
    }

    @Test func saysWhyItCannotBeRead() async throws {
        let missing = #expect(throws: StoreError.self) {
            try ActionHistory(storeAt: self.folder.path, ActionsRequest(limit: 1))
        }
        #expect(missing?.path == self.folder.path)
        #expect(try self.folder.names.isEmpty, "reading makes no file")
        try self.folder.write(Data(repeating: 120, count: 5_000))
        let foreign = #expect(throws: StoreError.self) {
            try ActionHistory(storeAt: self.folder.path, ActionsRequest(limit: 1))
        }
        #expect(foreign?.kind == .corrupt)
        #expect(try self.folder.bytes() == Data(repeating: 120, count: 5_000))
    }
}
