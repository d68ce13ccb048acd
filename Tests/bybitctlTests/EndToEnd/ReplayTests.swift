import Foundation
import Testing

extension EndToEnd {
    /// What was recorded, run through strategies again by the program itself.
    @Suite struct Replays {}
}

extension EndToEnd.Replays {
    private static let consumers = [
        "position_manager: { stop_loss_percent: 4 }",
        "trailing_stop: { activation_percent: 1, callback_percent: 0.5, breakeven_percent: 0.4, min_update_interval: 200ms }",
        "aged_monitor: { max_age: 4s, grace_period: 1h, commission_percent: 0.3 }",
    ]

    /// An action as the journal and the replay show it.
    private struct Row: Decodable, Equatable {
        let time: String
        let account: String
        let consumer: String
        let action: String
        let symbol: String
        let positionIdx: Int
        let orderLinkId: String
        let params: [String: String]
    }

    private struct Journal: Decodable {
        struct State: Decodable {
            let orderLinkId: String
            let outcome: String
        }

        let actions: [Row]
    }

    private struct States: Decodable { let actions: [Journal.State] }

    private struct Document: Decodable {
        struct Strategy: Decodable {
            let strategy: String
            let events: Int
            let entries: Int
            let exits: [String: Int]
            let openAtEnd: Int
            let stopsMoved: Int
            let realizedPnl: [String: String]
            let unrealizedPnl: [String: String]
            let asRecorded: Bool
            let actions: [Row]
        }

        let schemaVersion: Int
        let strategies: [Strategy]
    }

    private static func history(_ daemon: Daemon) async throws -> Data {
        let result = try await daemon.ask(["history", "--actions", "--output", "json", "-n", "10000"])
        guard result.code == 0 else { throw Disappointment("history: \(result.code) \(result.errors)") }
        return Data(result.output.utf8)
    }

    private static func replay(_ daemon: Daemon, _ files: [String], _ more: [String]) async throws -> Workplace.Result {
        try await daemon.place.run(["replay"] + files + ["--accounts", daemon.place.file(daemon.fileName).path] + more)
    }

    /// Everything that is decided is at its end.
    private static func waitForAnswers(_ daemon: Daemon) async throws {
        try await eventually("nothing is under way") {
            try JSONLines.decoder.decode(States.self, from: try await Self.history(daemon)).actions
                .allSatisfy { ["done", "rejected"].contains($0.outcome) }
        }
    }

    /// Moves a mark and waits until it is recorded.
    private static func move(_ exchange: Exchange, _ daemon: Daemon, _ symbol: String, to price: Decimal) async throws {
        let before = try daemon.events("sub-001").last?.n ?? 0
        try await exchange.post("/marks", ["symbol": .string(symbol), "price": .string(price.priceText)])
        let shown = try #require(try await exchange.marks().first { $0.symbol == symbol }).mark
        try await daemon.event("sub-001", "\(symbol) at \(shown)") {
            $0.n > before && $0.symbol == symbol && $0.markPrice == shown
        }
    }

    /// A position that is opened, led up and down, and closed: by its trailing stop, or else by hand.
    private static func lead(_ exchange: Exchange, _ daemon: Daemon, _ symbol: String, _ side: String) async throws {
        try await exchange.open("sub-001", symbol, side, "0.5")
        let opened = try await daemon.event("sub-001", "\(symbol) opened") { event in
            event.symbol == symbol && event.cause == "opened"
                && (try? daemon.events("sub-001").last { $0.symbol == symbol && $0.cause != nil })?.cause != "closed"
        }
        let text = try daemon.events("sub-001").last { $0.symbol == symbol && $0.cause == "opened" }?.entryPrice
        let known = try #require(text ?? opened.entryPrice)
        let entry = try #require(Decimal(string: known))
        for thousandths in [1, 5, 8, 11, 9, 15, 13, 22, 21, 18, 12] {
            let move = Decimal(side == "Buy" ? thousandths : -thousandths)
            try await self.move(exchange, daemon, symbol, to: entry * (1_000 + move) / 1_000)
        }
        try await exchange.attempt("/positions/close", ["account": .string("sub-001"), "symbol": .string(symbol)])
        try await eventually("\(symbol) closed") {
            try daemon.events("sub-001").last { $0.symbol == symbol && $0.cause != nil && $0.cause != "mark" }?.cause
                == "closed"
        }
    }

    /// Live with all three consumers, refusals, lost replies, a kill in the middle: the replay decides what was decided, bit for bit.
    @Test(.timeLimit(.minutes(3)))
    func aRecordingLeadsToTheActionsOfTheJournal() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 3)
            var file = AccountsFile(exchange)
            file.consumers = Self.consumers
            file.isDryRun = false
            let daemon = try await Daemon.start(file, in: place)
            try await Self.lead(exchange, daemon, "BTCUSDT", "Buy")
            try await exchange.setRESTFaults([
                [
                    "path": .string("/v5/position/trading-stop"), "ret_code": .number(10001), "ret_msg": .string("no"),
                    "count": .number(2),
                ],
                ["path": .string("/v5/order/create"), "drop_reply": .flag(true), "count": .number(1)],
            ])
            try await Self.lead(exchange, daemon, "ETHUSDT", "Sell")
            try await exchange.post("/faults/clear")
            // One that is held over the kill, with its stop.
            try await exchange.open("sub-001", "SOLUSDT", "Buy", "100")
            try await daemon.event("sub-001", "its stop") { $0.symbol == "SOLUSDT" && $0.outcome == "done" }
            try await Self.waitForAnswers(daemon)
            // What consumers have seen is in the store a second later.
            let last = try #require(try daemon.events("sub-001").last).emittedTs
            try await eventually("the store has it") { Date().timeIntervalSince1970 * 1_000 > Double(last + 2_500) }
            daemon.process.send(SIGKILL)
            _ = try await daemon.process.exitCode()
            try await daemon.restart()
            try await daemon.event("sub-001", "the restart") { $0.symbol == "SOLUSDT" && $0.cause == "resync" }
            try await Self.lead(exchange, daemon, "ETHUSDT", "Buy")
            try await Self.lead(exchange, daemon, "BTCUSDT", "Sell")
            // Old enough by now, and better than its costs.
            let sol = try daemon.events("sub-001").last { $0.symbol == "SOLUSDT" && $0.entryPrice?.isEmpty == false }
            let entry = try #require(sol?.entryPrice.flatMap { Decimal(string: $0) })
            try await Self.move(exchange, daemon, "SOLUSDT", to: entry * 1_007 / 1_000)
            try await daemon.event("sub-001", "its close") { $0.symbol == "SOLUSDT" && $0.cause == "closed" }
            try await Self.waitForAnswers(daemon)
            #expect(try await daemon.stop() == 0)

            let journal = try JSONLines.decoder.decode(Journal.self, from: try await Self.history(daemon)).actions
            let path = daemon.eventFile("sub-001").path
            let result = try await Self.replay(daemon, [path], ["--strategy", "record", "--output", "json"])
            #expect(result.code == 0 && result.errors.isEmpty, "\(result.errors)")
            let document = try JSONLines.decoder.decode(Document.self, from: Data(result.output.utf8))
            let replayed = try #require(document.strategies.first)
            #expect(document.schemaVersion == 1 && document.strategies.count == 1)
            #expect(journal.count > 15, "there is something to compare: \(journal.count)")
            #expect(replayed.actions == journal)
            #expect(replayed.asRecorded)
            #expect(Set(journal.map(\.action)) == ["set_stop", "close_position"])
            #expect(Set(journal.map(\.consumer)) == ["position_manager", "trailing_stop", "aged_monitor"])
            var told: [Row] = []
            for event in try daemon.events("sub-001") where event.event == "action" {
                let id = try #require(event.orderLinkId)
                if told.contains(where: { $0.orderLinkId == id }) { continue }
                let row = Row(
                    time: journal.first { $0.orderLinkId == id }?.time ?? "",
                    account: event.account,
                    consumer: try #require(event.consumer),
                    action: try #require(event.action),
                    symbol: try #require(event.symbol),
                    positionIdx: try #require(event.positionIdx),
                    orderLinkId: id,
                    params: try #require(event.params)
                )
                told.append(row)
            }
            #expect(told == journal)
            #expect(try daemon.events("sub-001").contains { $0.outcome == "rejected" && $0.retCode == 10001 })
            #expect(replayed.entries == 5 && replayed.openAtEnd == 0)
            #expect(replayed.exits.values.reduce(0, +) == 5 && replayed.exits["aged_monitor"] == 1)
            #expect(replayed.stopsMoved > 5)

            try await Self.compareStrategies(daemon, path)
        }
    }

    /// The same recording through another strategy, in a table, and cut into the parts of a rotation.
    private static func compareStrategies(_ daemon: Daemon, _ path: String) async throws {
        let url = daemon.place.file(daemon.fileName)
        let text = try String(contentsOf: url, encoding: .utf8).replacingOccurrences(
            of: "strategies:\n",
            with: "strategies:\n  careful:\n    position_manager: { stop_loss_percent: 1 }\n  none: {}\n"
        )
        try Data(text.utf8).write(to: url)
        let table = try await self.replay(daemon, [path], ["--strategy", "record", "--strategy", "careful"])
        #expect(table.code == 0, "\(table.errors)")
        let lines = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.first == ["record", "careful"])
        #expect(lines.contains(["as", "recorded", "yes", "no"]), "\(table.output)")
        #expect(lines.contains(["entries", "5", "5"]))
        #expect(table.output.contains("realized PnL, USDT"))
        #expect(table.output.contains("\nrecord:\n") && table.output.contains("\ncareful:\n"))
        let idle = try await self.replay(daemon, [path], ["--strategy", "none"])
        #expect(idle.code == 64 && idle.errors.contains("has no consumers"), "\(idle.errors)")

        let whole = try await self.replay(daemon, [path], ["--strategy", "record", "--output", "json"])
        let all = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { $0 + "\n" }
        let parts = try [all[..<(all.count / 2)], all[(all.count / 2)...]].enumerated().map { number, lines in
            try daemon.place.write(lines.joined(), to: "part-\(number).jsonl").path
        }
        let both = try await self.replay(daemon, parts, ["--strategy", "record", "--output", "json"])
        #expect(both.output == whole.output && both.code == 0)
        let wrong = try await self.replay(daemon, parts.reversed(), ["--strategy", "record"])
        #expect(wrong.code == 1 && wrong.output.isEmpty)
        #expect(
            wrong.errors.contains("part-0.jsonl, line 1, column 1: event 1 of sub-001 comes after event"),
            "\(wrong.errors)"
        )

        // Kept by the daemon beside its store.
        let kept = "\(daemon.stateFolder)/default/instruments.json"
        #expect(try String(contentsOfFile: kept, encoding: .utf8).contains(#""BTCUSDT":"0.10""#))
        let given = try await self.replay(daemon, [path], ["--strategy", "record", "--instruments", kept])
        #expect(given.code == 0 && given.errors.isEmpty)
    }

    /// Scripts rely on codes, people on texts.
    @Test(.timeLimit(.minutes(1)))
    func whatCannotBeReplayedIsSaid() async throws {
        try await Workplace.with { place in
            let accounts = """
                version: 1
                exchange: { environment: testnet }
                runtime: { state_dir: \(place.file("state").path) }
                strategies:
                  swing: { trailing_stop: { activation_percent: 1 } }
                defaults: { strategy: swing }
                accounts:
                  - name: sub-001
                    credentials: { api_key: "k", api_secret: "s" }

                """
            try place.write(accounts, to: "accounts.yaml")
            let line =
                #"{"v":1,"event":"position.update","account":"a","n":1,"cause":"opened","source":"hybrid","category":"linear","#
                + #""symbol":"BTCUSDT","position_idx":0,"side":"Buy","size":"2","entry_price":"1000","mark_price":"1000.0","#
                + #""stale":false,"exchange_ts":1790134712383}"#
            try place.write(line + "\n", to: "good.jsonl")
            try place.write(line + "\n" + #"{"v":1,"event" "alert"}"# + "\n", to: "bad.jsonl")
            try place.write("{}", to: "sizes.json")
            let good = try await place.run(["replay", "good.jsonl", "--strategy", "swing"])
            #expect(good.code == 0, "\(good.errors)")
            #expect(good.errors.contains("the tick size is guessed from the digits of the prices for BTCUSDT"))
            let cases: [([String], Int32, String)] = [
                (["good.jsonl"], 64, "--strategy"),
                (["--strategy", "swing"], 64, "file"),
                (
                    ["good.jsonl", "--strategy", "swung"], 64,
                    #"there is no strategy "swung" in accounts.yaml; there are: swing"#
                ),
                (["good.jsonl", "--strategy", "swing", "--output", "yaml"], 64, "yaml"),
                (["none.jsonl", "--strategy", "swing"], 1, "none.jsonl cannot be opened: No such file or directory"),
                ([".", "--strategy", "swing"], 1, ". is no regular file"),
                (["bad.jsonl", "--strategy", "swing"], 1, "bad.jsonl, line 2, column 16: this is not JSON"),
                (["good.jsonl", "good.jsonl", "--strategy", "swing"], 1, "comes after event 1; give each file once"),
                (
                    ["good.jsonl", "--strategy", "swing", "--instruments", "sizes.json"], 1,
                    "sizes.json cannot be read as tick sizes"
                ),
                (["good.jsonl", "--strategy", "swing", "--accounts", "bad.jsonl"], 78, "bad.jsonl"),
            ]
            for (arguments, code, text) in cases {
                let result = try await place.run(["replay"] + arguments)
                #expect(result.code == code && result.output.isEmpty, "\(arguments): \(result.code) \(result.errors)")
                #expect(result.errors.contains(text), "\(arguments): \(result.errors)")
            }
        }
    }
}
