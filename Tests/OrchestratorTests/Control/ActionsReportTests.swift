import Foundation
import HybridStream
import Logging
import NIOCore
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ActionsReportTests {
    private static let created: Int64 = 1_767_323_045_678

    private static func action(
        _ id: String,
        account: String = "sub-001",
        code: Int? = nil,
        text: String = "",
        parameters: [PipelineEvent.Action.Parameter] = [.init("stop_loss", "59000.10"), .init("a", "“\"\n")]
    ) throws -> ActionRecord {
        ActionRecord(
            account: account,
            orderLinkID: id,
            consumer: "trailing_stop",
            action: "set_stop",
            opening: Opening(
                key: PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 2),
                side: .sell,
                openTime: 0,
                firstSeen: 0
            ),
            size: try Fixtures.decimal("0.50"),
            parameters: parameters,
            isDryRun: code == nil,
            attempt: 3,
            outcome: code == nil ? .journalled : .rejected,
            returnCode: code,
            text: text,
            createdTime: Self.created,
            updatedTime: Self.created + 1_000
        )
    }

    @Test func keysAndOrder() throws {
        let report = ActionsReport(
            ActionHistory(
                accounts: [],
                actions: [
                    try Self.action("2", code: 10_001, text: "no"),
                    try Self.action("1", parameters: []),
                ]
            )
        )
        #expect(
            String(buffer: report.json()) == """
                {"schema_version":1,"actions":[\
                {"time":"2026-01-02T03:04:05.678Z","account":"sub-001","consumer":"trailing_stop","action":"set_stop",\
                "category":"linear","symbol":"BTCUSDT","position_idx":2,"side":"Sell","size":"0.50",\
                "order_link_id":"1","params":{},"attempt":3,"dry_run":true,"outcome":"journalled","ret_code":null,\
                "text":"","updated_at":"2026-01-02T03:04:06.678Z"},\
                {"time":"2026-01-02T03:04:05.678Z","account":"sub-001","consumer":"trailing_stop","action":"set_stop",\
                "category":"linear","symbol":"BTCUSDT","position_idx":2,"side":"Sell","size":"0.50",\
                "order_link_id":"2","params":{"stop_loss":"59000.10","a":"“\\"\\n"},"attempt":3,"dry_run":false,\
                "outcome":"rejected","ret_code":10001,"text":"no","updated_at":"2026-01-02T03:04:06.678Z"}]}
                """
        )
    }

    @Test func survivesTheWire() throws {
        let report = ActionsReport(actions: [
            try Self.action("1", text: "tab\tand \u{1} and ü"), try Self.action("2", code: 0),
        ])
        #expect(try ActionsReport(json: report.json()) == report)
        #expect(try ActionsReport(json: ActionsReport(actions: []).json()).actions.isEmpty)
    }

    @Test(arguments: [
        ("", "empty"), ("{}", "schema_version"), (#"{"schema_version":2,"actions":[]}"#, "2"),
        (#"{"schema_version":1,"actions":[{}]}"#, "time"), ("[", ""),
    ])
    func saysWhatIsWrongWithAnAnswer(json: String, word: String) {
        let error = #expect(throws: (any Error).self) { try ActionsReport(json: ByteBuffer(string: json)) }
        #expect(word.isEmpty || error.map { "\($0)" }?.contains(word) == true)
    }

    @Test func laterVersionsMaySayMore() throws {
        let action = try Self.action("1", code: 7)
        var text = String(buffer: ActionsReport(actions: [action]).json())
        text = text.replacing(#""attempt":3"#, with: #""attempt":3,"more":{"x":[1,{"y":null}]},"less":null"#)
        text = text.replacing(#"{"schema_version":1"#, with: #"{"more":[{}],"schema_version":1"#)
        #expect(try ActionsReport(json: ByteBuffer(string: text)).actions == [action])
    }

    // MARK: Queries

    private func parameters(_ uri: String) -> [(key: Substring, value: Substring)] {
        guard let query = uri.split(separator: "?").dropFirst().first else { return [] }
        return query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], Substring(parts[1].removingPercentEncoding ?? ""))
        }
    }

    @Test func queriesSurviveTheWire() throws {
        let request = ActionsRequest(accounts: ["sub-001", "a&b"], sinceMilliseconds: 1_767_323_045_678, limit: 20)
        let uri = ControlQuery.uri(for: request)
        #expect(uri == "/v1/actions?account=sub-001&account=a%26b&since=1767323045678&limit=20")
        #expect(try ControlQuery.actions(parameters: self.parameters(uri)) == request)
        #expect(try ControlQuery.actions(parameters: []) == ActionsRequest(limit: ControlClient.mostActions))
    }

    @Test(arguments: [("limit", "0"), ("limit", "100001"), ("limit", "x"), ("since", "yesterday"), ("tail", "1")])
    func malformedQueriesAreNamed(key: String, value: String) {
        let error = #expect(throws: ControlQuery.Malformed.self) {
            try ControlQuery.actions(parameters: [(Substring(key), Substring(value))])
        }
        #expect(error?.description.contains(key) == true)
    }

    // MARK: Over the socket

    private func ask(_ backend: FakeBackend, _ request: ActionsRequest) async throws -> ActionsReport {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        let server = ControlServer(lock: lock, backend: backend, logger: Logger(label: "test"))
        let running = Task { try await server.run() }
        try await server.waitUntilListening()
        let outcome: Result<ActionsReport, any Error>
        do {
            outcome = .success(
                try ActionsReport(
                    json: try await ControlClient.with(lock.location, timeout: .seconds(60)) {
                        try await $0.actions(request)
                    }
                )
            )
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try await running.value
        return try outcome.get()
    }

    @Test func aRunningInstanceTellsItsActions() async throws {
        let actions = [try Self.action("2", code: 0), try Self.action("1", account: "gone")]
        let backend = FakeBackend([StatusSamples.account("sub-001")])
        backend.setHistory(.success(ActionHistory(accounts: ["gone"], actions: actions)))
        let request = ActionsRequest(accounts: ["sub-001", "gone"], sinceMilliseconds: 5, limit: 7)
        #expect(try await self.ask(backend, request).actions == actions.reversed())
        #expect(backend.actionRequests == [request])
    }

    @Test func unknownNamesAreRefusedWithNearOnes() async throws {
        let backend = FakeBackend([StatusSamples.account("sub-001")])
        backend.setHistory(.success(ActionHistory(accounts: ["sub-001", "old"], actions: [])))
        let error = await #expect(throws: ControlClientError.self) {
            try await self.ask(backend, ActionsRequest(accounts: ["sub-01", "old"], limit: 7))
        }
        #expect(error?.exitCode == 64)
        #expect(error?.message == "no account is named 'sub-01'; did you mean sub-001?")
    }

    @Test func whyTheJournalCannotBeReadIsSaid() async throws {
        let backend = FakeBackend([])
        backend.setHistory(.failure(StoreError(kind: .unreadable, path: "/x/store.sqlite", reason: "odd")))
        let error = await #expect(throws: ControlClientError.self) {
            try await self.ask(backend, ActionsRequest(limit: 7))
        }
        #expect(error?.exitCode == 1)
        #expect(error?.message.contains("/x/store.sqlite") == true && error?.message.contains("odd") == true)
    }

    // MARK: Without a process

    @Test func whatAnInstanceHasLeftIsRead() async throws {
        let folder = try ControlTestFolder()
        let location = try InstanceLocation(stateDirectory: folder.path, instance: "default")
        #expect(try location.storedActions(ActionsRequest(limit: 5)) == nil)
        #expect(!FileManager.default.fileExists(atPath: location.directory))
        let store = try Store.open(path: location.storeFile)
        _ = try store.loadAccount("quiet")
        for (id, created) in [("1", 100), ("2", 200)] as [(String, Int64)] {
            store.recordAction(try StoreFixtures.action(id, account: "sub-001", created: created))
        }
        try await store.close()
        #expect(try location.storedActions(ActionsRequest(limit: 5))?.actions.map(\.orderLinkID) == ["1", "2"])
        #expect(try location.storedActions(ActionsRequest(accounts: ["quiet"], limit: 5))?.actions == [])
        let error = #expect(throws: ControlClientError.self) {
            try location.storedActions(ActionsRequest(accounts: ["sub-01"], limit: 5))
        }
        #expect(error?.exitCode == 64 && error?.message.contains("sub-001") == true)
    }
}
