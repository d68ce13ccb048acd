import HybridStream
import Testing

@Suite(.timeLimit(.minutes(1))) struct TradingVerdictTests {
    private typealias Bench = TradingBench

    private static func verdict(_ retCode: Int, _ text: String = "some text", status: Int = 200) -> TradingVerdict? {
        Self.verdict(status: status, body: #"{"retCode":\#(retCode),"retMsg":"\#(text)","result":{}}"#)
    }

    private static func verdict(status: Int, body: String) -> TradingVerdict? {
        RESTError.classify(status: status, headers: .init(), body: Array(body.utf8)).map { TradingVerdict($0) }
    }

    private static func order() throws -> ClosingOrder {
        ClosingOrder(key: Bench.linear, side: .buy, quantity: try decimal("1"), linkID: "a")
    }

    struct Row: Sendable {
        var codes: [Int]
        var verdict: TradingVerdict

        init(_ verdict: TradingVerdict, _ codes: Int...) {
            self.codes = codes
            self.verdict = verdict
        }
    }

    @Test(arguments: [
        Row(.unchanged, 34040),
        Row(.flat, 110017),
        Row(.duplicate, 110030, 110072),
        // Nothing tells whether it is still on its way.
        Row(.ambiguous(wasAnswered: false), 10000, 10016, 10019, 110079),
        // Turned away, or taken before: it is not on its way.
        Row(.ambiguous(wasAnswered: true), 429, 10006, 10014, 10429),
        Row(.refused(isRateLimit: true), 10018, 10403),
        // Keys, permissions, regions.
        Row(.impossible, 10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028, 33004, -2015),
        // No money, no market.
        Row(.impossible, 10029, 110004, 110007, 110012, 110044, 110045, 110074, 110125),
        // A time that is wrong, parameters, prices; settings that this client never changes; contracts that may only be
        // reduced, which is what a close does.
        Row(.refused(isRateLimit: false), 10001, 10002, 10017, 110001, 110003, 110009, 110020, 110094),
        Row(.refused(isRateLimit: false), 110023, 110025, 110026, 110042, 110043, 110062, 110065, 1, 999_999, -1),
    ])
    func codes(row: Row) {
        for code in row.codes { #expect(Self.verdict(code) == row.verdict, "\(code)") }
    }

    @Test func aSuccessHasNone() { #expect(Self.verdict(0) == nil) }

    @Test(arguments: [
        ("can not set tp/sl/ts for zero position", TradingVerdict.flat),
        ("Can not set tp/sl/ts for Zero Position", .flat),
        ("position idx not match position mode", .refused(isRateLimit: false)),
        ("StopLoss:1 set for Buy position should be lower than base_price:2", .refused(isRateLimit: false)),
        ("", .refused(isRateLimit: false)),
    ])
    func parameterErrorsThatSpeakOfNoPosition(text: String, verdict: TradingVerdict) {
        #expect(Self.verdict(10001, text) == verdict)
    }

    @Test(arguments: [
        (400, TradingVerdict.refused(isRateLimit: false)), (401, .impossible), (403, .refused(isRateLimit: true)),
        (404, .refused(isRateLimit: false)), (301, .refused(isRateLimit: false)), (418, .refused(isRateLimit: false)),
        (408, .ambiguous(wasAnswered: false)), (429, .ambiguous(wasAnswered: true)),
        (500, .ambiguous(wasAnswered: false)), (502, .ambiguous(wasAnswered: false)),
        (503, .ambiguous(wasAnswered: false)), (504, .ambiguous(wasAnswered: false)),
        (524, .ambiguous(wasAnswered: false)), (200, .ambiguous(wasAnswered: true)),
        (204, .ambiguous(wasAnswered: true)),
    ])
    func statuses(status: Int, verdict: TradingVerdict) {
        #expect(Self.verdict(status: status, body: "<html>page</html>") == verdict)
    }

    /// A ban is a ban whatever the page says besides: an order that was never looked at has closed nothing.
    @Test(arguments: [110017, 110072, 34040, 10006, 110007])
    func aBanThatNamesACode(code: Int) {
        #expect(Self.verdict(code, status: 403) == .refused(isRateLimit: true))
    }

    /// Whatever the exchange may answer, an answer that is not known to be a refusal is looked up.
    @Test func whatIsAmbiguousIsNeverRefused() {
        for code in RESTError.Code.all {
            for status in [nil, 200, 500] {
                let error = RESTError(code, message: "x", httpStatus: status)
                guard error.ambiguous else { continue }
                guard case .ambiguous(let wasAnswered) = TradingVerdict(error) else {
                    Issue.record("\(code) is \(TradingVerdict(error))")
                    continue
                }
                #expect(!wasAnswered || status != nil || error.category == .rateLimited, "\(code)")
            }
        }
    }

    @Test func whatOurOwnQueueTurnsAwayHasNotLeft() {
        #expect(TradingVerdict(RESTError(.queueFull, message: "x")) == .refused(isRateLimit: true))
        #expect(TradingVerdict(RESTError(.banned, message: "x")) == .refused(isRateLimit: true))
        #expect(TradingVerdict(RESTError(.connectFailed, message: "x")) == .refused(isRateLimit: false))
        #expect(TradingVerdict(RESTError(.connectTimeout, message: "x")) == .refused(isRateLimit: false))
        #expect(TradingVerdict(RESTError(.cancelled, message: "x")) == .ambiguous(wasAnswered: false))
    }

    @Test func rateLimits() {
        func error(_ retCode: Int) -> RESTError? {
            RESTError.classify(status: 200, headers: .init(), body: Array(#"{"retCode":\#(retCode)}"#.utf8))
        }
        for code in [429, 10006, 10018, 10429] {
            #expect(error(code).map(TradingVerdict.isRateLimit) == true, "\(code)")
        }
        for code in [10000, 10014, 110017] { #expect(error(code).map(TradingVerdict.isRateLimit) == false, "\(code)") }
    }

    // MARK: Over a connection

    @Test(arguments: [
        (ScriptedServer.Answer.close, TradingVerdict.ambiguous(wasAnswered: false)),
        (.reply(body: "{"), .ambiguous(wasAnswered: true)),
        (.reply(body: ""), .ambiguous(wasAnswered: true)),
        (.reply(body: #"{"retMsg":"OK","result":{}}"#), .ambiguous(wasAnswered: true)),
        (.reply(body: #"{"retCode":"?","retMsg":"OK"}"#), .ambiguous(wasAnswered: true)),
        (.reply(status: 502, body: "<html>Bad Gateway</html>"), .ambiguous(wasAnswered: false)),
        (.reply(status: 403, body: "<html>access too frequent</html>"), .refused(isRateLimit: true)),
        (.failure(110072, "OrderLinkedID is duplicate"), .duplicate),
    ])
    func repliesThatCome(answer: ScriptedServer.Answer, verdict: TradingVerdict) async throws {
        try await Bench.run(script: { _, _ in answer }) { client, server in
            let order = try Self.order()
            let error = await Bench.error { try await client.closePosition(order, account: Bench.account) }
            #expect(error.map { TradingVerdict($0) } == verdict, "\(String(describing: error))")
            #expect(server.count == 1)
        }
    }

    @Test(arguments: [ScriptedServer.Answer.silence, .stall])
    func repliesThatDoNotCome(answer: ScriptedServer.Answer) async throws {
        try await Bench.run(timeout: .seconds(1), script: { index, _ in index == 0 ? .result("{}") : answer }) {
            client,
            server in
            let request = TradingStopRequest(key: Bench.linear, stopLoss: try decimal("1"), triggerBy: "MarkPrice")
            // Connected by now: what runs out is the time for the reply.
            try await client.setTradingStop(request, account: Bench.account)
            let error = await Bench.error { try await client.setTradingStop(request, account: Bench.account) }
            #expect(error?.code == .timeout)
            #expect(error.map { TradingVerdict($0) } == .ambiguous(wasAnswered: false))
            #expect(server.count == 2)
        }
    }

    @Test func noConnectionMeansThatNothingHasLeft() async throws {
        // A port that nobody may listen on by accident.
        let client = Bench.client("http://127.0.0.1:1")
        let order = try Self.order()
        let error = await Bench.error { try await client.closePosition(order, account: Bench.account) }
        try await client.shutdown()
        #expect(error?.code == .connectFailed)
        #expect(error.map { TradingVerdict($0) } == .refused(isRateLimit: false))
    }

    /// After a ban nothing leaves at all, and whoever asks learns that at once.
    @Test func duringABanNothingLeaves() async throws {
        try await Bench.run(script: { _, _ in .reply(status: 403, body: "access too frequent") }) { client, server in
            let order = try Self.order()
            for _ in 0..<3 {
                let error = await Bench.error { try await client.closePosition(order, account: Bench.account) }
                #expect(error.map { TradingVerdict($0) } == .refused(isRateLimit: true))
            }
            #expect(server.count == 1)
        }
    }
}
