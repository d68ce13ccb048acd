import HybridStream
import Testing

@testable import Orchestrator

@Suite("RecordedLine")
struct RecordedLineTests {
    private static func read(_ text: String) throws -> RecordedLine {
        var copy = text
        return try copy.withUTF8 { try RecordedLine(UnsafeRawBufferPointer($0)) }
    }

    private static func failure(_ text: String) -> RecordedLine.Failure? {
        do {
            _ = try self.read(text)
            return nil
        } catch {
            return error as? RecordedLine.Failure
        }
    }

    fileprivate static let position: String =
        #"{"v":1,"event":"position.update","account":"sub-001","n":1042,"cause":"resync","source":"rest","#
        + #""category":"inverse","symbol":"BTCUSD","position_idx":2,"side":"Sell","size":"0.5","position_amt":"-0.5","#
        + #""entry_price":"60000","mark_price":"60123.40","unrealized_pnl":"61.7","leverage":"10","liq_price":"","#
        + #""stop_loss":"58000","take_profit":"70000","trailing_stop":"0","position_value":"30000","stale":true,"#
        + #""conflated":3,"seq":-1,"exchange_ts":1790134712383,"received_ts":1790134712401,"emitted_ts":1790134712402,"#
        + #""open_ts":1790134000000}"#

    fileprivate static let action: String =
        #"{"v":1,"event":"action","account":"sub-001","n":7,"consumer":"trailing_stop","action":"close_position","#
        + #""symbol":"BTCUSDT","position_idx":1,"order_link_id":"bt-x-1","params":{"type":"market","qty":"5"},"#
        + #""dry_run":false,"outcome":"rejected","ret_code":110007,"text":"say \"no\"","refusal":"impossible","emitted_ts":9}"#

    private func check(position line: RecordedLine) {
        #expect(line.kind == .position && line.account == "sub-001" && line.n == 1_042 && line.cause == .resync)
        #expect(line.source == .rest && line.category == .inverse && line.symbol == "BTCUSD")
        #expect(line.positionIndex == 2 && line.side == .sell && "\(line.size)" == "0.5")
        #expect("\(line.entryPrice)" == "60000" && line.mark.map { "\($0)" } == "60123.40" && line.leverage == "10")
        #expect(line.stopLoss == "58000" && line.takeProfit == "70000" && line.trailingStop == "0")
        #expect(line.positionValue == "30000" && line.isStale && line.conflated == 3 && line.seq == -1)
        #expect(line.exchangeTime == 1_790_134_712_383 && line.openTime == 1_790_134_000_000)
    }

    @Test("every key of a position")
    func position() throws {
        self.check(position: try Self.read(Self.position))
    }

    @Test("white space, whatever order, keys that nobody knows")
    func oddities() throws {
        let spaced = Self.position.replacing(":", with: "\t :\r ").replacing(",", with: " , ")
        self.check(position: try Self.read("  \(spaced) \r"))
        let members = Self.position.dropFirst().dropLast().split(separator: ",")
        self.check(position: try Self.read("{\(members.reversed().joined(separator: ","))}"))
        let more = #","state":"opened","class":[1,{"side":"Buy"}],"sizes":{"size":"7"},"spare":true,"x":null,"seq2":5}"#
        self.check(position: try Self.read(Self.position.dropLast() + more))
    }

    @Test("every key of an action")
    func action() throws {
        let line = try Self.read(Self.action)
        #expect(line.kind == .action && line.consumer == "trailing_stop" && line.action == "close_position")
        #expect(line.symbol == "BTCUSDT" && line.positionIndex == 1 && line.orderLinkID == "bt-x-1")
        #expect(line.parameters == [.init("type", "market"), .init("qty", "5")])
        #expect(!line.isDryRun && line.outcome == .rejected && line.returnCode == 110_007)
        #expect(line.text == #"say "no""# && line.refusal == .impossible)
        let open = try Self.read(Self.action.replacing("110007", with: "null").replacing("false", with: "true"))
        #expect(open.returnCode == nil && open.isDryRun)
    }

    @Test("what consumers say of themselves; other events are none of ours")
    func others() throws {
        let ready = try Self.read(
            #"{"v":1,"event":"consumers","account":"a","n":2,"state":"ready","symbol":"X","tick_size":"0.05","dry_run":false}"#
        )
        #expect(ready.kind == .consumers && ready.state == .ready && ready.symbol == "X" && !ready.isDryRun)
        #expect(ready.tickSize == FixedPoint("0.05"))
        for event in ["account.state", "alert", "rollout", "recovery", "something.new"] {
            let line = try Self.read(
                #"{"v":1,"event":"\#(event)","account":"a","n":2,"state":"opened","side":4,"outcome":{},"text":"}"}"#
            )
            #expect(line.kind == .other && line.n == 2)
        }
    }

    @Test("escapes")
    func escapes() throws {
        let line = try Self.read(Self.position.replacing("sub-001", with: #"s\u00fcd\/\"1\""#))
        #expect(line.account == #"süd/"1""#)
    }

    private static let brokenLines: [(String, Int, String)] = [
        (#"{"v":1 "event":"position.update"}"#, 8, "this is not JSON"),
        (#"{"v":1,}"#, 8, "this is not JSON"),
        (#"{,"v":1}"#, 2, "this is not JSON"),
        ("hello", 1, "this is not JSON"),
        ("[]", 1, "this is not JSON"),
        (position + "x", position.count + 1, "this is not JSON"),
        (position.replacing(#""v":1"#, with: #""v":2"#), 1, "v is 2: a later version has recorded it"),
        (
            position.replacing("resync", with: "eaten"), 72,
            #"cause is "eaten", not one of opened, increased, "#
        ),
        (position.replacing("60123.40", with: "6O123"), 237, #"mark_price is "6O123", not a decimal number"#),
        (position.replacing(#""n":1042"#, with: #""n":"x""#), 59, #"n is "x", not a whole number"#),
        (position.replacing(#""side":"Sell","#, with: ""), 1, "side is missing"),
        (position.replacing(#""Sell""#, with: "[]"), 1, "side is an object or a list"),
        (position.replacing(#""account""#, with: #""acount""#), 1, "account is missing"),
        ("{}", 1, "event is missing"),
        (
            #"{"v":1,"event":"x","account":"a","n":1,"z":"# + String(repeating: "[", count: 99), 1,
            "there are objects"
        ),
    ]

    @Test(
        "a broken line: where, and what is wrong",
        arguments: Self.brokenLines
    )
    func broken(text: String, column: Int, reason: String) {
        guard case .broken(let foundColumn, let foundReason)? = Self.failure(text) else {
            Issue.record("cut off")
            return
        }
        #expect(foundColumn == column && foundReason.hasPrefix(reason), "\(foundColumn) \(foundReason)")
    }

    @Test("a line that was cut off, at every byte of it")
    func cutOff() {
        let bytes = Array(Self.position.utf8)
        for count in 0..<bytes.count {
            #expect(Self.failure(String(decoding: bytes[..<count], as: UTF8.self)) == .cutOff, "\(count)")
        }
    }

    @Test("codes without a verdict mean what they mean live")
    func refusals() throws {
        let verdicts: [(String, PipelineEvent.Action.Refusal)] = [
            ("10006", .rateLimit), ("10018", .rateLimit), ("110007", .impossible), ("10005", .impossible),
            ("10029", .impossible), ("33004", .impossible), ("10001", .again), ("10016", .again), ("null", .again),
            ("110001", .again),
        ]
        for (code, refusal) in verdicts {
            let text = Self.action.replacing(#","refusal":"impossible""#, with: "").replacing("110007", with: code)
            #expect(try Self.read(text).effectiveRefusal == refusal, "\(code)")
        }
        #expect(try Self.read(Self.action.replacing("110007", with: "10006")).effectiveRefusal == .impossible)
    }
}
