import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct EventEncoderTests {
    /// The line for a `position.update` through the whole pipeline.
    private func line(_ update: PositionUpdate, account: String = "sub-001", n: Int64 = 1_042) -> String {
        let queue = EventQueue(name: "test")
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(account, from: n, loop: loop, queues: [queue])
        pipeline.observe(update)
        loop.batchEnded()
        return Fixtures.lines(queue).joined(separator: "|")
    }

    @Test func writesTheExampleOfTheContract() throws {
        #expect(
            self.line(try Fixtures.update(try Fixtures.position()))
                == #"{"v":1,"event":"position.update","account":"sub-001","n":1042,"cause":"mark","source":"hybrid","#
                + #""category":"linear","symbol":"BTCUSDT","position_idx":0,"side":"Buy","size":"0.5","position_amt":"0.5","#
                + #""entry_price":"60000","mark_price":"60123.40","unrealized_pnl":"61.7","leverage":"10","liq_price":"","#
                + #""stop_loss":"58000","take_profit":"","trailing_stop":"0","position_value":"30000","stale":false,"#
                + #""conflated":0,"seq":814547789569,"exchange_ts":1790134712383,"received_ts":1790134712401,"#
                + #""emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAShortLegOfAHedge() throws {
        let position = try Fixtures.position(
            symbol: "ETHUSDT",
            index: 2,
            side: .sell,
            size: "1.20",
            entry: "3000.50",
            leverage: "25",
            stopLoss: "3100",
            takeProfit: "2500",
            trailingStop: "",
            liquidation: "3600.1",
            value: "3600.6"
        )
        #expect(
            self.line(
                try Fixtures.update(position, source: .rest, slot: 7, mark: "3010.00", conflated: 3, seq: -1),
                n: 9
            )
                == #"{"v":1,"event":"position.update","account":"sub-001","n":9,"cause":"mark","source":"rest","#
                + #""category":"linear","symbol":"ETHUSDT","position_idx":2,"side":"Sell","size":"1.20","position_amt":"-1.20","#
                + #""entry_price":"3000.50","mark_price":"3010.00","unrealized_pnl":"-11.4","leverage":"25","#
                + #""liq_price":"3600.1","stop_loss":"3100","take_profit":"2500","trailing_stop":"","position_value":"3600.6","#
                + #""stale":false,"conflated":3,"seq":-1,"exchange_ts":1790134712383,"received_ts":1790134712401,"#
                + #""emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAFlatPosition() throws {
        let position = try Fixtures.position(
            side: .none,
            size: "0",
            entry: "0",
            leverage: "",
            stopLoss: "",
            trailingStop: "",
            value: ""
        )
        #expect(
            self.line(try Fixtures.update(position, cause: .closed, mark: "60000"), n: 1)
                == #"{"v":1,"event":"position.update","account":"sub-001","n":1,"cause":"closed","source":"hybrid","#
                + #""category":"linear","symbol":"BTCUSDT","position_idx":0,"side":"","size":"0","position_amt":"0","#
                + #""entry_price":"","mark_price":"60000","unrealized_pnl":"0","leverage":"","liq_price":"","stop_loss":"","#
                + #""take_profit":"","trailing_stop":"","position_value":"","stale":false,"conflated":0,"#
                + #""seq":814547789569,"exchange_ts":1790134712383,"received_ts":1790134712401,"emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAnInverseContract() throws {
        let position = try Fixtures.position(
            symbol: "BTCUSD",
            category: .inverse,
            size: "100",
            entry: "50000",
            stopLoss: "",
            value: "0.002"
        )
        let line = self.line(try Fixtures.update(position, mark: "51000"))
        // 100 × (1/50000 − 1/51000) = 0.0000392156…
        #expect(Fixtures.value("unrealized_pnl", line) == "0.00003922")
        #expect(Fixtures.value("category", line) == "inverse")
    }

    @Test func writesAStalePositionWithoutAMark() throws {
        let line = self.line(try Fixtures.update(try Fixtures.position(), cause: .stale, mark: nil, stale: true))
        #expect(line.contains(#""mark_price":"","unrealized_pnl":"","leverage""#))
        #expect(line.contains(#""stale":true,"conflated":0"#))
        #expect(line.contains(#""cause":"stale""#))
    }

    @Test func writesNothingForAnUnknownEntry() throws {
        let line = self.line(try Fixtures.update(try Fixtures.position(entry: "0")))
        #expect(Fixtures.value("entry_price", line) == "")
        #expect(Fixtures.value("size", line) == "0.5")
    }

    @Test func escapesOddTexts() throws {
        let position = try Fixtures.position(symbol: "A\"B\\C\n\u{1}é", leverage: "\t")
        for cause in [PositionUpdate.Cause.mark, .amended] {
            let line = self.line(try Fixtures.update(position, cause: cause), account: "a\"b")
            #expect(line.contains(#""account":"a\"b""#))
            #expect(line.contains(#""symbol":"A\"B\\C\n\u0001é""#))
            #expect(line.contains(#""leverage":"\t""#))
            let parsed = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(parsed["symbol"] as? String == "A\"B\\C\n\u{1}é")
        }
    }

    @Test func keysStandInTheOrderOfTheContract() throws {
        let wanted = [
            "v", "event", "account", "n", "cause", "source", "category", "symbol", "position_idx", "side", "size",
            "position_amt", "entry_price", "mark_price", "unrealized_pnl", "leverage", "liq_price", "stop_loss",
            "take_profit", "trailing_stop", "position_value", "stale", "conflated", "seq", "exchange_ts", "received_ts",
            "emitted_ts",
        ]
        for cause in PositionUpdate.Cause.allCases {
            let line = self.line(try Fixtures.update(try Fixtures.position(), cause: cause))
            let parsed = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(Set(parsed.keys) == Set(wanted))
            #expect(parsed["cause"] as? String == cause.rawValue)
            #expect(parsed["stale"] as? Bool == false)
            let places = try wanted.map { key in try #require(line.range(of: "\"\(key)\":")).lowerBound }
            #expect(places == places.sorted())
        }
    }

    /// What is prepared and shared gives the same bytes as writing everything anew.
    @Test(arguments: [1, 2, 3] as [UInt64]) func preparedLinesEqualUnpreparedOnes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let loop = Fixtures.loop()
        let queue = EventQueue(name: "test")
        let names = ["a", "sub-2"]
        let pipelines = names.map { Fixtures.pipeline($0, loop: loop, queues: [queue]) }
        var numbers: [Int64] = [0, 0]
        var positions: [Position] = []
        for _ in 0..<6 { positions.append(try self.position(&random)) }
        var expected: [String] = []
        for step in 0..<2_000 {
            let account = Int.random(in: 0...1, using: &random)
            let slot = Int.random(in: 0..<positions.count, using: &random)
            if step % 17 == 0 { positions[slot] = try self.position(&random) }
            let mark = FixedPoint(
                mantissa: Int128(Int64.random(in: 1...9_999_999, using: &random)),
                scale: UInt8.random(in: 0...8, using: &random)
            )
            let update = PositionUpdate(
                cause: .mark,
                source: Bool.random(using: &random) ? .hybrid : .rest,
                position: positions[slot],
                slot: step % 29 == 0 ? 1_000_000 : slot,
                mark: step % 31 == 0 ? nil : mark,
                stale: Bool.random(using: &random),
                conflated: Int.random(in: 0...2, using: &random),
                seq: Int64(step / 3),
                exchangeTime: Int64(step / 5),
                receivedTime: 7
            )
            numbers[account] += 1
            pipelines[account].observe(update)
            let bytes = PositionLine.bytes(
                update,
                label: AccountLabel(names[account]),
                n: numbers[account],
                emittedTime: 1_790_134_712_401
            )
            expected += Fixtures.split(bytes)
            if step % 11 == 0 { loop.batchEnded() }
        }
        loop.batchEnded()
        let lines = Fixtures.lines(queue)
        #expect(lines.count == expected.count)
        #expect(lines == expected, "seed \(seed)")
    }

    private func position(_ random: inout SplitMix64) throws -> Position {
        let sides: [Side] = [.buy, .sell, .none]
        return try Fixtures.position(
            symbol: "SYM\(Int.random(in: 0...99, using: &random))",
            index: Int.random(in: 0...2, using: &random),
            side: sides[Int.random(in: 0...2, using: &random)],
            size: "\(Int.random(in: 0...500, using: &random)).250",
            entry: "\(Int.random(in: 0...70_000, using: &random)).5"
        )
    }

    @Test func nothingIsKeptOfAClosedPosition() throws {
        let queue = EventQueue(name: "test")
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline("sub-001", from: 1, loop: loop, queues: [queue])
        weak var kept: Position?
        do {
            let position = try Fixtures.position()
            kept = position
            pipeline.observe(try Fixtures.update(position))
            loop.batchEnded()
        }
        #expect(kept != nil, "the text of its next mark is prepared")
        let flat = try Fixtures.position(side: .none, size: "0")
        pipeline.observe(try Fixtures.update(flat, cause: .closed))
        loop.batchEnded()
        #expect(kept == nil)
        #expect(Fixtures.lines(queue).count == 2)
    }

    @Test func numbersAreWrittenAsFixedPointWritesThem() throws {
        var random = SplitMix64(seed: 5)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 16)
        defer { memory.deallocate() }
        func text(_ write: (inout RawWriter) -> Void) -> String {
            var writer = RawWriter(memory)
            write(&writer)
            let count = writer.position - memory
            return String(decoding: UnsafeRawBufferPointer(start: memory, count: count), as: UTF8.self)
        }
        for value in [0, 1, -1, 9, 10, 99, 100, 12_345, .max, .min] as [Int64] {
            #expect(text { $0.integer(value) } == "\(value)")
        }
        for _ in 0..<5_000 {
            let digits = Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random)
            let value = FixedPoint(mantissa: Int128(digits), scale: UInt8.random(in: 0...20, using: &random))
            #expect(text { $0.decimal(value) } == value.description)
        }
        let long = try Fixtures.decimal("-123456789012345678901234567.8901234567")
        #expect(text { $0.decimal(long) } == long.description)
    }
}
