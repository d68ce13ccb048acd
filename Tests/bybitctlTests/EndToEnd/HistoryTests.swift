import Foundation
import HybridStream
import Orchestrator
import Testing

extension EndToEnd {
    /// `history --actions`, from the daemon and from what it has left.
    @Suite struct History {}
}

extension EndToEnd.History {
    private static func action(_ id: String, _ account: String, _ created: Int64) throws -> ActionRecord {
        ActionRecord(
            account: account,
            orderLinkID: id,
            consumer: "trailing_stop",
            action: "set_stop",
            opening: Opening(
                key: PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0),
                side: .buy,
                openTime: 1,
                firstSeen: 1,
                n: 1
            ),
            size: try #require(FixedPoint("0.5")),
            parameters: [.init("stop_loss", "59000.10"), .init("trigger_by", "MarkPrice")],
            isDryRun: false,
            attempt: 1,
            outcome: .done,
            returnCode: 0,
            createdTime: created,
            updatedTime: created
        )
    }

    /// What the daemon and the file say is the same.
    @Test(.timeLimit(.minutes(1)))
    func theDaemonAndItsStoreSayTheSame() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            let none = try await daemon.ask(["history", "--actions"])
            #expect(none.code == 0 && none.output.isEmpty && none.errors.contains("no action"), "\(none.errors)")
            #expect(try await daemon.stop() == 0)

            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            let store = try Store.open(path: place.file("d/state/default/store.sqlite").path)
            store.recordAction(try Self.action("bt-1", "sub-001", now - 7_200_000))
            store.recordAction(try Self.action("bt-2", "sub-002", now - 60_000))
            store.recordAction(try Self.action("bt-3", "sub-001", now - 1_000))
            try await store.close()

            let left = try await self.answers(daemon)
            try await daemon.restart()
            let told = try await self.answers(daemon)
            #expect(told == left)
            #expect(left.map { $0.components(separatedBy: "\"order_link_id\":").count - 1 } == [3, 2, 1, 2, 0])
            #expect(left[0].hasPrefix(#"{"schema_version":1,"actions":[{"time":"20"#), "\(left[0])")
            let rows = left[4].split(separator: "\n")
            #expect(rows.count == 4 && rows[0].hasPrefix("TIME") && rows[3].contains("bt-3"), "\(left[4])")
            #expect(rows[3].contains("stop_loss=59000.10 trigger_by=MarkPrice"))
            let unknown = try await daemon.ask(["history", "--actions", "sub-01"])
            #expect(unknown.code == 64 && unknown.errors.contains("sub-001"), "\(unknown.errors)")
            daemon.process.send(SIGSTOP)
            #expect(try await daemon.ask(["history", "--actions"]).code == 4)
            daemon.process.send(SIGCONT)
            #expect(try await daemon.stop() == 0)
        }
    }

    private func answers(_ daemon: Daemon) async throws -> [String] {
        let json = ["--output", "json"]
        var answers: [String] = []
        for arguments in [json, ["sub-001"] + json, ["-n", "1"] + json, ["--since", "1h"] + json, []] {
            let answer = try await daemon.ask(["history", "--actions"] + arguments)
            #expect(answer.code == 0, "\(arguments): \(answer.errors)")
            answers.append(answer.output)
        }
        return answers
    }

    @Test(.timeLimit(.minutes(1)))
    func withoutDaemonAndStoreItSaysWhere() async throws {
        try await Workplace.with { place in
            let folder = place.file("nothing").path
            let answer = try await place.run(["history", "--actions", "--state-dir", folder])
            #expect(answer.code == 3 && answer.errors.contains("\(folder)/default/store.sqlite"), "\(answer.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder))
            let revisions = try await place.run(["history", "--state-dir", folder])
            #expect(revisions.code == 3 && revisions.errors.contains("is not running"), "\(revisions.errors)")
        }
    }

    /// An accounts file says where its instance is.
    @Test(.timeLimit(.minutes(1)))
    func whatIsNoStoreIsSaidAndLeftAlone() async throws {
        try await Workplace.with { place in
            try place.write("runtime: { state_dir: \(place.file("s").path) }\n", to: "accounts.yaml")
            let store = try place.write(String(repeating: "x", count: 5_000), to: "s/default/store.sqlite")
            let answer = try await place.run(["history", "--actions", "--config", place.file("accounts.yaml").path])
            #expect(answer.code == 1, "\(answer.errors)")
            #expect(answer.errors.contains("\(store.path) is no store of this program"), "\(answer.errors)")
            #expect(try Data(contentsOf: store).count == 5_000)
        }
    }
}
