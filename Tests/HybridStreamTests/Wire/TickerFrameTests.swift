import Testing

@testable import HybridStream

/// A ticker frame's content, comparable.
struct TickerFacts: Equatable, Sendable {
    var symbol: String
    var isSnapshot: Bool
    var mark: String?
    var last: String?
    var cs: Int64
    var ts: Int64

    init(_ symbol: String, snapshot: Bool = false, mark: String? = nil, last: String? = nil, cs: Int64, ts: Int64) {
        self.symbol = symbol
        self.isSnapshot = snapshot
        self.mark = mark
        self.last = last
        self.cs = cs
        self.ts = ts
    }

    init(_ frame: TickerFrame) {
        self.symbol = String(decoding: frame.symbol, as: UTF8.self)
        self.isSnapshot = frame.isSnapshot
        self.mark = frame.markPrice?.description
        self.last = frame.lastPrice?.description
        self.cs = frame.cs
        self.ts = frame.ts
    }
}

@Suite("TickerFrame")
struct TickerFrameTests {
    struct Capture: Sendable {
        var text: String
        var facts: TickerFacts
        /// The layout the exchange sends must take the fast path.
        var isFast = true
    }

    static let captures = [
        Capture(
            text:
                #"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"MinusTick","price24hPcnt":"-0.158315","lastPrice":"66666.60","markPrice":"66666.61","openInterest":"492373.72","nextFundingTime":"1760342400000","fundingRate":"-0.005","bid1Price":"66666.60","bid1Size":"23789.165","preQty":""},"cs":9532239429,"ts":1760325052630}"#,
            facts: TickerFacts(
                "BTCUSDT",
                snapshot: true,
                mark: "66666.61",
                last: "66666.60",
                cs: 9_532_239_429,
                ts: 1_760_325_052_630
            )
        ),
        Capture(
            text:
                #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"86716.30","indexPrice":"86756.70","openInterestValue":"5250990127.10","singleOpenInterestValue":"2625495106.91"},"cs":814547789569,"ts":1790134712383}"#,
            facts: TickerFacts("BTCUSDT", mark: "86716.30", cs: 814_547_789_569, ts: 1_790_134_712_383)
        ),
        Capture(
            text:
                #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"84792.60","bid1Size":"1.302"},"cs":820163808303,"ts":1791091006483}"#,
            facts: TickerFacts("BTCUSDT", cs: 820_163_808_303, ts: 1_791_091_006_483)
        ),
        Capture(
            text:
                #"{"topic":"tickers.NKNUSDT","type":"delta","data":{"symbol":"NKNUSDT","ask1Price":"0.13942","ask1Size":"3691"},"cs":93597554249,"ts":1709202840989}"#,
            facts: TickerFacts("NKNUSDT", cs: 93_597_554_249, ts: 1_709_202_840_989)
        ),
    ]

    @Test("reads captured frames, on both paths", arguments: captures)
    func captured(_ capture: Capture) {
        withBytes(capture.text) { bytes in
            #expect(TickerFrame(bytes).map { TickerFacts($0) } == capture.facts)
            #expect(TickerFrame(tolerant: bytes).map { TickerFacts($0) } == capture.facts)
            #expect(TickerFrame(fast: bytes).map { TickerFacts($0) } == capture.facts)
        }
    }

    @Test("tolerates other layouts")
    func layouts() {
        let expected = TickerFacts("BTCUSDT", mark: "1.50", last: "2", cs: 7, ts: 8)
        let layouts = [
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"1.50","lastPrice":"2"},"ts":8,"cs":7}"#,
            #"{ "topic" : "tickers.BTCUSDT", "type":"delta","cs":"7", "ts":"8","data":{"lastPrice":2,"markPrice":1.50,"new":{"a":[1,{}]}} }"#,
            #"{"cs":7,"data":{"markPrice":"1.50","lastPrice":"2","symbol":"ETHUSDT"},"id":"x","type":"delta","ts":8,"topic":"tickers.BTCUSDT"}"#,
            "{\n\t\"ts\":8,\r\n\"topic\":\"tickers.BTCUSDT\",\"type\":\"delta\",\"cs\":7,\"data\":{\"markPrice\":\"1.50\",\"lastPrice\":\"2\"}}\n",
        ]
        for layout in layouts {
            withBytes(layout) { #expect(TickerFrame($0).map { TickerFacts($0) } == expected, "\(layout)") }
        }
    }

    @Test(
        "a price that is empty or null is absent",
        arguments: [#""markPrice":"""#, #""markPrice":null"#, #""x":"1""#]
    )
    func absent(_ member: String) {
        let text = #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT",\#(member)},"cs":7,"ts":8}"#
        withBytes(text) { #expect(TickerFrame($0).map { TickerFacts($0) } == TickerFacts("BTCUSDT", cs: 7, ts: 8)) }
    }

    @Test(
        "refuses what is no ticker or cannot be read",
        arguments: [
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"1.5x"},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":{"v":"1.5"}},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"other","data":{"symbol":"BTCUSDT","markPrice":"1.5"},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"dxxxx","data":{"symbol":"BTCUSDT","markPrice":"1.5"},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"sxxxxxxx","data":{"symbol":"BTCUSDT","markPrice":"1.5"},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":[{"symbol":"BTCUSDT"}],"cs":7,"ts":8}"#,
            #"{"topic":"tickers.","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"1.5"},"cs":7,"ts":8}"#,
            #"{"topic":"orderbook.1.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT"},"cs":7,"ts":8}"#,
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT"},"cs":7,"ts":8"#,
            #"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT"},"cs":7,"ts":8}}"#,
            "", "{}", "[]", "null", "\"", "{", "}",
        ]
    )
    func refuses(_ text: String) {
        withBytes(text) { #expect(TickerFrame($0).map { TickerFacts($0) } == nil) }
    }

    /// A frame in a layout of its own, with what it says.
    static func random(_ random: inout SplitMix64) -> (text: String, facts: TickerFacts) {
        let symbol = random.pick(["BTCUSDT", "1000PEPEUSDT", "A", "BTC-26DEC25", "SHIB1000PERP"])
        var facts = TickerFacts(
            symbol,
            snapshot: random.chance(3),
            cs: Int64(random.below(1 << 50)),
            ts: Int64(random.below(1 << 42))
        )
        let isExact = random.chance(2)
        let space = isExact ? [""] : ["", "", " ", "\n\t"]
        func gap(_ random: inout SplitMix64) -> String { random.pick(space) }
        func member(_ key: String, _ value: String, _ random: inout SplitMix64) -> String {
            let quoted = isExact || !random.chance(4)
            return "\(gap(&random))\"\(key)\"\(gap(&random)):\(gap(&random))" + (quoted ? "\"\(value)\"" : value)
                + gap(&random)
        }
        var members = [member("symbol", symbol, &random)]
        for key in ["indexPrice", "bid1Price", "turnover24h", "prevPrice24h"] where random.chance(2) {
            members.append(member(key, random.decimal(whole: 0...12, fraction: 0...8), &random))
        }
        if !random.chance(3) {
            facts.mark = random.decimal(whole: 0...9, fraction: 0...10)
            members.append(member("markPrice", facts.mark ?? "", &random))
        }
        if random.chance(2) {
            facts.last = random.decimal(whole: 0...22, fraction: 0...8)
            members.append(member("lastPrice", facts.last ?? "", &random))
        }
        if !isExact || random.chance(3) { members.shuffle(using: &random) }
        var parts = [
            "\"topic\":\"tickers.\(symbol)\"", "\"type\":\"\(facts.isSnapshot ? "snapshot" : "delta")\"",
            "\"data\":{\(members.joined(separator: ","))}", "\"cs\":\(facts.cs)", "\"ts\":\(facts.ts)",
        ]
        if !isExact { parts.shuffle(using: &random) }
        return ("{" + parts.joined(separator: ",") + "}", facts)
    }

    @Test("the fast and the tolerant path agree", arguments: 1...4)
    func pathsAgree(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var fast = 0
        for _ in 0..<2_000 {
            let (text, facts) = Self.random(&random)
            withBytes(text) { bytes in
                #expect(TickerFrame(tolerant: bytes).map { TickerFacts($0) } == facts, "\(text)")
                #expect(TickerFrame(bytes).map { TickerFacts($0) } == facts, "\(text)")
                if TickerFrame(fast: bytes) != nil { fast += 1 }
            }
        }
        #expect(fast > 400, "the fast path must be taken by frames laid out like the exchange's")
    }

    @Test("mutated, cut and random frames never read out of bounds", arguments: 1...4)
    func mutations(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let buffer = GuardedBytes(capacity: 4096)
        for _ in 0..<5_000 {
            var bytes = Array(Self.random(&random).text.utf8)
            for _ in 0..<random.below(6) {
                let at = random.below(bytes.count)
                switch random.below(5) {
                case 0: bytes[at] = UInt8(random.below(256))
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(random.pick(Array("\"\\{}[]:,0".utf8)), at: at)
                case 3: bytes = Array(bytes[..<at])
                default: bytes = Array(bytes[at...])
                }
                if bytes.isEmpty { break }
            }
            let one = buffer.atEnd(bytes) { TickerFrame($0).map { TickerFacts($0) } }
            let two = buffer.atStart(bytes) { TickerFrame($0).map { TickerFacts($0) } }
            #expect(one == two)
            buffer.atEnd(bytes) { _ = PublicFrame($0) }
        }
    }

    @Test("a frame cut at any byte is not a ticker", arguments: captures)
    func truncation(_ capture: Capture) {
        let bytes = Array(capture.text.utf8)
        let buffer = GuardedBytes(capacity: 4096)
        for count in 0..<bytes.count {
            #expect(buffer.atEnd(Array(bytes[..<count])) { TickerFrame($0) == nil }, "\(count)")
        }
    }
}
