import Testing

@testable import Simulator

struct ValueTests {
    @Test(arguments: [
        ("GET/realtime1662350400000", "dad2d67a66c9ee401d2e6e7bf26ebd10eb1026db8a703bf3139c6950ce11a5c6"),
        (
            "1658384314791test_key5000category=linear&settleCoin=USDT",
            "7237cb9b07ffcd45978cdca7891059bc1b544b12aab5ace38518bd0ae7de7a23"
        ),
        (
            #"1658385579423test_key5000{"category":"linear","symbol":"BTCUSDT"}"#,
            "cf98d1dc59977955727ab9ef926e57184af171a89f83e1de7ddf363c6d80bfa9"
        ),
    ])
    func signsAsTheReferenceDoes(plain: String, signature: String) {
        #expect(Digest.hmacSHA256(Array(plain.utf8), secret: Array("test_secret".utf8)) == signature)
    }

    @Test func acceptsWebSocketKeysAsTheStandardDoes() {
        #expect(Digest.webSocketAccept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(
        arguments: [
            ("0", 0), ("1", 100_000_000), ("-1.5", -150_000_000), ("0.0000001", 10), ("0.00000001", 1),
            ("97435.20", 9_743_520_000_000), (".5", 50_000_000), ("1.000000000", 100_000_000),
        ] as [(String, Int64)]
    )
    func readsDecimals(text: String, units: Int64) {
        #expect(Units.parse(text) == units)
    }

    @Test(arguments: ["", "-", ".", "1e5", "1,0", "0.000000001", "abc", "1.2.3", "99999999999999999999"])
    func refusesWhatIsNoDecimal(text: String) {
        #expect(Units.parse(text) == nil)
    }

    @Test func writesDecimals() {
        #expect(Units.text(9_743_520_000_000, decimals: 2) == "97435.20")
        #expect(Units.text(10, decimals: 7) == "0.0000001")
        #expect(Units.text(-150_000_000) == "-1.5")
        #expect(Units.text(0) == "0")
        #expect(Units.text(0, decimals: 4) == "0.0000")
        #expect(Units.text(-29_413) == "-0.00029413")
        #expect(Units.text(300_000_000) == "3")
    }

    @Test func roundsHalfAwayFromZero() {
        #expect(Units.divide(5, by: 2) == 3)
        #expect(Units.divide(-5, by: 2) == -3)
        #expect(Units.divide(4, by: 3) == 1)
        #expect(Units.divide(1, by: 0) == 0)
    }

    @Test func readsAndRefusesJSON() {
        let text = #"{"a":[1,"x\n\u00e9\ud83d\ude00",true,null],"b":{"c":-1.50}}"#
        let value = JSONValue(parsing: Array(text.utf8))
        #expect(value?[path: "a", "1"] == .string("x\né😀"))
        #expect(value?[path: "b", "c"]?.text == "-1.50")
        for bad in ["", "{", "[1,]", "{\"a\":}", "nul", "\"\\x\"", "1 2", String(repeating: "[", count: 100)] {
            #expect(JSONValue(parsing: Array(bad.utf8)) == nil, "\(bad)")
        }
        #expect(JSONValue(parsing: [0x22, 0xFF, 0x22]) == nil)
    }

    @Test func keysAreStableAndLookReal() {
        let keys = Credentials.derive(seed: 7, account: "sub-001")
        #expect(keys.apiKey.count == 18)
        #expect(keys.apiSecret.count == 36)
        #expect(keys == Credentials.derive(seed: 7, account: "sub-001"))
        #expect(keys != Credentials.derive(seed: 8, account: "sub-001"))
        #expect(keys.apiKey != Credentials.derive(seed: 7, account: "sub-002").apiKey)
    }

    @Test func instrumentsHaveManyTickSizesAndGeneratedNames() {
        let list = InstrumentList.make(linear: 60)
        #expect(list.filter { $0.category == .linear }.count == 60)
        #expect(list.contains { $0.symbol == "SYM033USDT" })
        #expect(list.contains { $0.symbol == "BTCUSD" && $0.category == .inverse && $0.settle == "BTC" })
        #expect(list.contains { $0.symbol == "BTCPERP" && $0.settle == "USDC" })
        #expect(Set(list.map(\.tick)).count >= 8)
        #expect(list.allSatisfy { $0.basePrice % $0.tick == 0 && $0.basePrice > 0 })
        #expect(list.allSatisfy { $0.maximumQuantity % $0.quantityStep == 0 || $0.category == .spot })
    }

    @Test func ringForgetsTheOldest() {
        var ring = Ring<Int>(capacity: 4)
        for number in 0..<10 { ring.append(number) }
        #expect((0..<ring.count).map { ring[$0] } == [6, 7, 8, 9])
        #expect(ring.lowerBound(8) { $0 } == 2)
        #expect(ring.lowerBound(0) { $0 } == 0)
        #expect(ring.lowerBound(99) { $0 } == 4)
    }

    @Test func scheduleKeepsOrder() {
        var schedule = Schedule()
        for due in [5, 1, 3, 1, 4, 1] as [Int64] { schedule.add(.step, due: due) }
        var dues: [Int64] = []
        while let (_, due) = schedule.pop(due: 4) { dues.append(due) }
        #expect(dues == [1, 1, 1, 3, 4])
        #expect(schedule.nextDeadline == 5)
    }
}
