import Foundation
import GRDB
import Glibc
import HybridStream
import Testing

@testable import Orchestrator

/// A damaged store is set aside; what is no store of ours is left alone.
@Suite(.timeLimit(.minutes(1))) struct StoreSetAsideTests {
    /// Ways in which a file may be damaged and still be a database.
    enum Damage: CaseIterable {
        /// All but the first page is empty.
        case hole
        /// The second half is missing.
        case half
        /// Every page but the first has other bytes.
        case garbled
        /// The first page has its magic, and nothing else.
        case firstPage
        /// The header says nonsense.
        case header
        /// Only the magic is left.
        case magic

        func apply(to good: Data) -> Data {
            var bytes = [UInt8](good)
            switch self {
            case .hole: return good.prefix(4_096) + Data(count: good.count - 4_096)
            case .half: return good.prefix(good.count / 2 + 100)
            case .garbled:
                for offset in stride(from: 4_096, to: bytes.count, by: 4_096) {
                    for index in offset..<min(offset + 512, bytes.count) { bytes[index] = 0xA5 }
                }
            case .firstPage: for index in 100..<4_096 { bytes[index] = 0xA5 }
            case .header: for index in 16..<100 { bytes[index] = 0xFF }
            case .magic: return good.prefix(16)
            }
            return Data(bytes)
        }
    }

    private let folder: StoreFolder
    /// In microseconds since 1970.
    private let before = WallClock.milliseconds() * 1_000

    init() throws { self.folder = try StoreFolder() }

    /// A store with something of everything, closed in good order.
    private func fill() async throws {
        let store = try Store.open(path: self.folder.path)
        _ = try store.loadAll(["a", "b"])
        let positions = try (0..<300).map { try Fixtures.position(symbol: "SYMBOL\($0)") }
        store.record(account: "a", changes: positions.map { .upsert($0) })
        for number in 0..<100 { store.recordAction(try StoreFixtures.action("bt-\(number)")) }
        try await store.close()
    }

    @Test(arguments: Damage.allCases)
    func aDamagedStoreIsSetAsideAndANewOneBegins(damage: Damage) async throws {
        try await self.fill()
        let damaged = damage.apply(to: try self.folder.bytes())
        try self.folder.write(damaged)
        let store = try Store.open(path: self.folder.path)
        let setAside = try #require(store.setAside)
        #expect(setAside.path.hasPrefix(self.folder.path + ".damaged-20") && setAside.path.hasSuffix("Z"))
        #expect(try self.folder.bytes(setAside.path) == damaged, "it is kept as it was")
        #expect(!setAside.reason.isEmpty)
        for word in [setAside.path, setAside.reason] { #expect(setAside.text.contains(word)) }
        let loaded = try store.loadAll(["a", "b"])
        #expect(loaded.allSatisfy { $0.positions.isEmpty && $0.unfinished.isEmpty && $0.told.isEmpty })
        #expect(await store.journal(try StoreFixtures.action("bt-1")).failure == nil)
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        #expect(again.setAside == nil, "until the next start")
        #expect(try again.loadAccount("a").unfinished.count == 1)
        try await again.close()
    }

    @Test func itsLogGoesWithIt() async throws {
        // What was written before is in the file alone: the log does not make up for it.
        try await self.fill()
        let store = try Store.open(path: self.folder.path)
        _ = await store.journal(try StoreFixtures.action("bt-new"))
        let killed = try self.folder.copy("killed")
        try await store.close()
        let log = try self.folder.bytes(killed + "-wal")
        #expect(!log.isEmpty)
        try Damage.hole.apply(to: try self.folder.bytes(killed)).write(to: URL(fileURLWithPath: killed))
        let next = try Store.open(path: killed)
        let setAside = try #require(next.setAside)
        #expect(try self.folder.bytes(setAside.path + "-wal") == log)
        #expect(try next.loadAccount("a").unfinished.isEmpty)
        try await next.close()
    }

    @Test func eachOneIsKept() async throws {
        for _ in 0..<3 {
            try await self.fill()
            try self.folder.write(Damage.hole.apply(to: try self.folder.bytes()))
        }
        let store = try Store.open(path: self.folder.path)
        let kept = try self.folder.names.filter { $0.contains(".damaged-") && $0.hasSuffix("Z") }
        #expect(kept.count == 3)
        #expect(store.setAside?.path == kept.max().map { self.folder.folder + "/" + $0 })
        try await store.close()
    }

    // MARK: Numbers

    @Test func numbersNeverComeBackNotEvenForAnAccountThatComesLater() async throws {
        try await self.fill()
        try self.folder.write(Damage.half.apply(to: try self.folder.bytes()))
        let store = try Store.open(path: self.folder.path)
        let first = try store.loadAccount("a").nextN
        #expect(first > self.before && first < 1 << 53)
        try await store.close()
        let later = try Store.open(path: self.folder.path)
        #expect(try later.loadAccount("c").nextN > self.before)
        #expect(try later.loadAccount("a").nextN > first)
        let history = try await later.actionHistory(ActionsRequest(limit: 1))
        #expect(history.accounts == ["a", "c"], "what stands for every account is none")
        try await later.close()
    }

    @Test func filesMayShowHigherNumbers() async throws {
        let store = try Store.open(path: self.folder.path)
        let loaded = try store.loadAll(["a", "b"], above: ["a": 1 << 52])
        #expect(loaded.map(\.nextN) == [(1 << 52) + 1, 1])
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        #expect(try again.loadAll(["a"], above: ["a": 5])[0].nextN > 1 << 52)
        try await again.close()
    }

    /// Killed between the two names, before anything is in the new file, or before an account has begun in it.
    @Test(arguments: 0..<3) func aKillInBetweenIsNoWayAround(instant: Int) async throws {
        try await self.fill()
        let aside = self.folder.path + ".damaged-20260102T030405.678Z"
        try self.folder.write(Damage.half.apply(to: try self.folder.bytes()))
        switch instant {
        case 0: try FileManager.default.moveItem(atPath: self.folder.path, toPath: aside)
        case 1:
            try FileManager.default.moveItem(atPath: self.folder.path, toPath: aside)
            try self.folder.write(Data())
        default: try await Store.open(path: self.folder.path).close()
        }
        let store = try Store.open(path: self.folder.path)
        let setAside = try #require(store.setAside)
        #expect(instant == 2 || setAside.path == aside)
        #expect(FileManager.default.fileExists(atPath: setAside.path))
        #expect(try store.loadAccount("a").nextN > self.before)
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        #expect(again.setAside == nil)
        try await again.close()
    }

    // MARK: What is not ours

    @Test(
        arguments: [
            Data(repeating: 120, count: 5_000), Data(count: 8_192), Data("SQLite format 2\0".utf8), Data([1]),
        ]
    )
    func refusesAFileThatIsNoDatabase(contents: Data) throws {
        try self.folder.write(contents)
        let error = #expect(throws: StoreError.self) { try Store.open(path: self.folder.path) }
        #expect(error?.kind == .foreign)
        #expect("\(error.map { "\($0)" } ?? "")".contains(self.folder.path))
        #expect(try self.folder.bytes() == contents, "nothing was changed")
        #expect(try self.folder.names == ["store.sqlite"])
    }

    @Test func refusesAFileOfANewerVersion() async throws {
        let store = try Store.open(path: self.folder.path)
        try await store.database.write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99 from the future')")
        }
        try await store.close()
        let error = #expect(throws: StoreError.self) { try Store.open(path: self.folder.path) }
        #expect(error?.kind == .newerVersion)
        #expect(error?.reason.contains("99 from the future") == true)
        #expect(try !self.folder.names.contains { $0.contains("damaged") })
    }

    @Test(arguments: [false, true]) func refusesADatabaseOfAnotherProgram(isDamaged: Bool) async throws {
        let other = try DatabaseQueue(path: self.folder.path)
        try await other.write { database in
            try database.execute(sql: "CREATE TABLE wallets (coin TEXT)")
            for _ in 0..<2_000 { try database.execute(sql: "INSERT INTO wallets VALUES ('BTC and more of it')") }
        }
        try other.close()
        if isDamaged { try self.folder.write(Damage.hole.apply(to: try self.folder.bytes())) }
        let before = try self.folder.bytes()
        let error = #expect(throws: StoreError.self) { try Store.open(path: self.folder.path) }
        #expect(error?.kind == .foreign && error?.reason.contains("wallets") == true)
        #expect(try self.folder.bytes() == before)
        #expect(try !self.folder.names.contains { $0.contains("damaged") })
    }
}
