import Testing

@testable import HybridStream

/// All that a position says, comparable.
func facts(_ position: Position) -> [String] {
    [
        position.key.description, position.side.rawValue, position.size.description, position.entryPrice.description,
        position.rowMarkPrice?.description ?? "nil", position.leverage, position.liquidationPrice, position.stopLoss,
        position.takeProfit, position.trailingStop, position.positionValue, "\(position.seq)",
        "\(position.updatedTime)",
        "\(position.createdTime)", "\(position.openTime)",
    ]
}

@Suite("PositionRow and PrivateFrame")
struct PositionRowTests {
    static let captured =
        #"{"positionIdx":0,"tradeMode":0,"riskId":1,"symbol":"BTCUSDT","side":"Buy","size":"0.006","entryPrice":"23989.61666667","leverage":"10","positionValue":"143.9377","markPrice":"24922.99","positionIM":"14.47149636","takeProfit":"0","trailingStop":"0","unrealisedPnl":"5.60024","cumRealisedPnl":"0.11838384","createdTime":"1676887474897","updatedTime":"1678887821202","liqPrice":"","positionStatus":"Normal"}"#
    static let flat =
        #"{"positionIdx":2,"symbol":"BTCUSDT","side":"","size":"0","entryPrice":"0","positionValue":"0","takeProfit":"0","liqPrice":"0","category":"linear","seq":4688002127,"updatedTime":"1682499900000"}"#
    static let frames = [
        "{\"id\":\"x\",\"topic\":\"position\",\"creationTime\":1678887821206,\"data\":[\(captured),\(flat)]}",
        "{\"data\":[\(captured)],\"creationTime\":\"5\",\"topic\":\"position.linear\"}",
    ]

    static func read(_ text: String, category: Category = .linear) throws -> Result<Position, PositionRow.Refusal> {
        try withBytes(text) { bytes in
            var reader = try #require(JSONReader(bytes))
            let result = try PositionRow.read(from: &reader, category: category)
            try reader.expectEnd()
            return result
        }
    }

    @Test("reads the captured row")
    func capture() throws {
        #expect(
            try facts(Self.read(Self.captured).get()) == [
                "linear/BTCUSDT/0", "Buy", "0.006", "23989.61666667", "24922.99", "10", "", "", "", "", "143.9377",
                "-1",
                "1678887821202", "1676887474897", "0",
            ]
        )
        #expect(
            try facts(Self.read(Self.flat).get()) == [
                "linear/BTCUSDT/2", "", "0", "0", "nil", "", "", "", "", "", "0", "4688002127", "1682499900000", "0",
                "0",
            ]
        )
    }

    @Test("REST names the entry price otherwise; its category stands outside")
    func rest() throws {
        let row =
            #"{"symbol":"BTCUSD","side":"Sell","size":"300","avgPrice":"27464.50","seq":"12","stopLoss":"28000.50","positionIdx":"0","liqPrice":"1.0","updatedTime":5,"openTime":9}"#
        #expect(
            try facts(Self.read(row, category: .inverse).get()) == [
                "inverse/BTCUSD/0", "Sell", "300", "27464.50", "nil", "", "1.0", "28000.50", "", "", "", "12", "5", "0",
                "9",
            ]
        )
    }

    @Test(
        "a stamp that can be no time is none: it neither outlasts all others nor overflows",
        arguments: ["9223372036854775807", "-9223372036854775807", "10000000000000", "-1"]
    )
    func impossibleTimes(_ time: String) throws {
        let row = try Self.read(
            #"{"symbol":"A","side":"Buy","size":"1","seq":5,"updatedTime":"\#(time)","createdTime":\#(time),"openTime":\#(time)}"#
        ).get()
        #expect(facts(row).suffix(3) == ["0", "0", "0"])
        let older = try Self.read(#"{"symbol":"A","side":"Buy","size":"2","seq":4,"updatedTime":"1"}"#).get()
        let newer = try Self.read(#"{"symbol":"A","side":"Buy","size":"3","seq":5,"updatedTime":"1"}"#).get()
        var book = PositionBook()
        for (row, origin) in [(row, .stream), (older, .sweep), (newer, .stream)] as [(Position, PositionBook.Origin)] {
            book.apply(row, from: origin, now: Uptime(nanoseconds: 0)) { _ in }
        }
        #expect(book.openPositions.map(\.size) == [FixedPoint(3)])
    }

    struct Oddity: Sendable {
        var row: String
        /// Side and size, or the refusal.
        var expected: Result<[String], PositionRow.Refusal>
    }

    @Test(
        "an odd field does not hide a position; an unreadable row is refused, never taken for flat",
        arguments: [
            Oddity(row: #""side":"Buy","size":0.5"#, expected: .success(["Buy", "0.5"])),
            Oddity(
                row: #""side":"Buy","size":"0.5","entryPrice":"","avgPrice":"","liqPrice":"","seq":null"#,
                expected: .success(["Buy", "0.5"])
            ),
            Oddity(
                row: #""side":"Buy","size":"0.5","positionStatus":"Whatever","brand":{"new":[1,2]}"#,
                expected: .success(["Buy", "0.5"])
            ),
            Oddity(row: #""side":"None","size":"0""#, expected: .success(["", "0"])),
            Oddity(row: #""side":"None","size":"""#, expected: .success(["", "0"])),
            Oddity(row: #""side":"","size":"""#, expected: .success(["", "0"])),
            Oddity(row: #""side":null,"size":"0""#, expected: .success(["", "0"])),
            Oddity(row: #""side":"Buy","size":"0.000""#, expected: .success(["", "0.000"])),
            Oddity(row: #""side":"Short","size":"0""#, expected: .success(["", "0"])),
            Oddity(row: #""side":"Buy","size":"""#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"Buy","size":null"#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"Buy""#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"Buy","size":"-1""#, expected: .failure(.unreadableSize("-1"))),
            Oddity(row: #""side":"Buy","size":"1,5""#, expected: .failure(.unreadableSize("1,5"))),
            Oddity(row: #""side":"Buy","size":{"v":"1"}"#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"Long","size":"1""#, expected: .failure(.unreadableSide("Long"))),
            Oddity(row: #""side":"","size":"1""#, expected: .failure(.unreadableSide(""))),
            // Nothing here says that the position is flat.
            Oddity(row: #""side":"Long","size":"""#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":null,"size":null"#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"","size":null"#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"","size":{"v":"1"}"#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""side":"""#, expected: .failure(.unreadableSize(""))),
            Oddity(row: #""entryPrice":"5""#, expected: .failure(.unreadableSize(""))),
            Oddity(
                row: #""side":"Buy","size":"1","category":"option""#,
                expected: .failure(.unknownCategory("option"))
            ),
        ]
    )
    func oddities(_ oddity: Oddity) throws {
        let result = try Self.read("{\"symbol\":\"BTCUSDT\",\"positionIdx\":1,\(oddity.row)}")
        #expect(result.map { [$0.side.rawValue, $0.size.description] } == oddity.expected)
    }

    @Test(
        "a row without a symbol is refused",
        arguments: ["{}", "null", #"{"symbol":"","size":"1","side":"Buy"}"#, #"{"symbol":null,"size":"1"}"#]
    )
    func nameless(_ row: String) throws {
        #expect(try Self.read(row).map { facts($0) } == .failure(.missingSymbol))
    }

    @Test(
        "a row whose leg cannot be read is refused: it must not be taken for another leg",
        arguments: ["null", "\"\"", "\"x\"", "{}", "1.5"]
    )
    func legless(_ index: String) throws {
        let result = try Self.read("{\"symbol\":\"BTCUSDT\",\"side\":\"\",\"size\":\"0\",\"positionIdx\":\(index)}")
        #expect(throws: PositionRow.Refusal.self) { try result.get() }
    }

    @Test("unset prices are empty whatever the wire used", arguments: ["\"\"", "\"0\"", "\"0.00\"", "0", "null"])
    func unset(_ value: String) throws {
        let row =
            #"{"symbol":"B","side":"Buy","size":"1","stopLoss":\#(value),"takeProfit":\#(value),"trailingStop":\#(value),"liqPrice":\#(value),"markPrice":\#(value)}"#
        let position = try Self.read(row).get()
        #expect(
            [position.stopLoss, position.takeProfit, position.trailingStop, position.liquidationPrice] == [
                "", "", "", "",
            ]
        )
        #expect(position.rowMarkPrice == nil)
    }

    @Test("a frame's rows are judged one by one, wherever `data` stands")
    func frame() {
        let bad = #"{"symbol":"ETHUSDT","side":"Buy","size":""}"#
        for text in [
            "{\"id\":\"1\",\"topic\":\"position\",\"creationTime\":7,\"data\":[\(Self.captured),\(bad),null,\(Self.flat)]}",
            "{\"data\":[\(Self.captured),\(bad),null,\(Self.flat)],\"creationTime\":7,\"topic\":\"position.linear\"}",
        ] {
            withBytes(text) { bytes in
                guard case .positions(let rows, let refused, let time) = PrivateFrame(bytes, category: .linear) else {
                    Issue.record("not taken for positions: \(text)")
                    return
                }
                #expect(rows.map(\.key.description) == ["linear/BTCUSDT/0", "linear/BTCUSDT/2"])
                #expect(refused == [.unreadableSize(""), .missingSymbol])
                #expect(time == 7)
            }
        }
    }

    @Test(
        "elements that are not rows do not take the rest with them",
        arguments: ["5", "\"x\"", "[1]", "true"]
    )
    func notARow(_ element: String) {
        withBytes("{\"topic\":\"position\",\"creationTime\":7,\"data\":[\(element),\(Self.captured)]}") { bytes in
            guard case .positions(let rows, let refused, _) = PrivateFrame(bytes, category: .linear) else {
                Issue.record("not taken for positions")
                return
            }
            #expect(rows.map(\.key.description) == ["linear/BTCUSDT/0"])
            #expect(refused == [.missingSymbol])
        }
    }

    @Test("other frames are told apart")
    func others() {
        func kind(_ text: String) -> String {
            withBytes(text) {
                switch PrivateFrame($0, category: .linear) {
                case .positions(let rows, _, _): "positions \(rows.count)"
                case .reply: "reply"
                case .other: "other"
                case .malformed: "malformed"
                }
            }
        }
        #expect(kind(#"{"topic":"wallet","data":[{"coin":[]}]}"#) == "other")
        #expect(kind(#"{"topic":"position"}"#) == "other")
        #expect(kind(#"{"topic":"position","data":null}"#) == "positions 0")
        #expect(kind(#"{"topic":"position","data":[]}"#) == "positions 0")
        #expect(kind(#"{"topic":"positions","data":[]}"#) == "other")
        #expect(kind(#"{"topic":"position","data":[{"symbol":]}"#) == "malformed")
        #expect(kind("Failed to decode incoming data") == "malformed")
        #expect(kind("") == "malformed")
        #expect(kind("{}") == "other")
    }

    @Test("a frame with bytes that are no UTF-8 is malformed, also where every token looks well")
    func damagedText() {
        var bytes = Array(#"{"topic":"position","data":[{"symbol":"BTCUSDT","leverage":"1x0"}]}"#.utf8)
        func isMalformed() -> Bool {
            bytes.withUnsafeBytes { bytes in
                if case .malformed = PrivateFrame(bytes, category: .linear) { true } else { false }
            }
        }
        #expect(!isMalformed())
        if let place = bytes.firstIndex(of: UInt8(ascii: "x")) { bytes[place] = 0xFF }
        #expect(isMalformed())
    }

    @Test("a frame cut at any byte is malformed", arguments: frames)
    func truncation(_ frame: String) {
        let buffer = GuardedBytes(capacity: 4096)
        let bytes = Array(frame.utf8)
        for count in 0..<bytes.count {
            buffer.atEnd(Array(bytes[..<count])) {
                guard case .malformed = PrivateFrame($0, category: .linear) else {
                    Issue.record("cut at \(count)")
                    return
                }
            }
        }
    }
}
