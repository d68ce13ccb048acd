import Testing

@testable import HybridStream

private func at(_ milliseconds: Int64) -> Uptime { Uptime(nanoseconds: milliseconds * 1_000_000) }

private func row(_ symbol: String, size: String = "1") -> String {
    #"{"symbol":"\#(symbol)","side":"Buy","size":"\#(size)","avgPrice":"10","positionIdx":0,"seq":1}"#
}

private func page(_ rows: [String], cursor: String? = "") -> RESTReply {
    let next = cursor.map { #","nextPageCursor":"\#($0)""# } ?? ""
    let list = rows.joined(separator: ",")
    return RESTReply(
        status: 200,
        body: Array(#"{"retCode":0,"retMsg":"OK","result":{"list":[\#(list)]\#(next),"category":"linear"}}"#.utf8)
    )
}

private func reply(result: String) -> RESTReply {
    RESTReply(status: 200, body: Array(#"{"retCode":0,"result":\#(result)}"#.utf8))
}

extension PositionSweeper {
    fileprivate mutating func take(_ reply: RESTReply, at time: Int64 = 0) {
        self.received(reply, sent: at(time), at: at(time + 5), serverMilliseconds: 1_700_000_000_000 + time)
    }

    fileprivate var queryText: String? {
        self.nextQuery?.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }
}

@Suite struct PositionSweepTests {
    private func sweeper(_ coins: [String] = ["USDT"], category: Category = .linear) -> PositionSweeper {
        PositionSweeper(category: category, settleCoins: coins, now: at(1))
    }

    @Test func everyPageOfEverySettleCoin() {
        var sweeper = sweeper(["USDT", "USDC", "USDT"])
        #expect(sweeper.queryText == "category=linear&settleCoin=USDT&limit=200")
        sweeper.take(page([row("AUSDT"), row("BUSDT")], cursor: "c%3D1"), at: 100)
        #expect(sweeper.queryText == "category=linear&settleCoin=USDT&limit=200&cursor=c%3D1")
        sweeper.take(page([row("CUSDT")]), at: 200)
        #expect(sweeper.queryText == "category=linear&settleCoin=USDC&limit=200")
        #expect(!sweeper.result.isComplete)
        sweeper.take(page([row("BTCPERP")]), at: 300)
        #expect(sweeper.queryText == nil)
        let sweep = sweeper.result
        #expect(sweep.isComplete)
        #expect(sweep.rows.map(\.key.symbol) == ["AUSDT", "BUSDT", "CUSDT", "BTCPERP"])
        #expect(sweep.requestedUptime == at(100))
        #expect(sweep.completedUptime == at(305))
        #expect(sweep.serverTime == 1_700_000_000_100)
    }

    @Test func inverseComesInOneListing() {
        var sweeper = sweeper(["USDT"], category: .inverse)
        #expect(sweeper.queryText == "category=inverse&limit=200")
        sweeper.take(page([]))
        #expect(sweeper.result.isComplete)
    }

    @Test func nothingHeldIsComplete() {
        var sweeper = sweeper()
        sweeper.take(page([]))
        #expect(sweeper.result.isComplete)
        #expect(sweeper.result.rows.isEmpty)
    }

    @Test func withoutSettleCoinNothingIsKnown() {
        let sweeper = sweeper([])
        #expect(sweeper.nextQuery == nil)
        #expect(!sweeper.result.isComplete)
        #expect(sweeper.result.failure?.code == .parameter)
    }

    /// Whatever is empty because it is broken must not pass for an account without positions.
    @Test(arguments: [
        "{}", #"{"list":null,"nextPageCursor":""}"#, #"{"list":"","nextPageCursor":""}"#, "null", "[]", #""""#,
        #"{"list":{},"nextPageCursor":""}"#, #"{"list":[{]}"#, #"{"nextPageCursor":"","category":"linear"}"#,
    ])
    func brokenResults(result: String) {
        var sweeper = sweeper()
        sweeper.take(reply(result: result))
        #expect(!sweeper.result.isComplete)
        #expect(sweeper.result.failure?.code == .malformed)
        #expect(sweeper.nextQuery == nil)
    }

    @Test func noResultAtAll() {
        var sweeper = sweeper()
        sweeper.take(RESTReply(status: 200, body: Array(#"{"retCode":0,"retMsg":"OK"}"#.utf8)))
        #expect(sweeper.result.failure?.code == .malformed)
    }

    @Test func aRefusedRowLeavesTheRestUsableButNotComplete() {
        var sweeper = sweeper()
        sweeper.take(page([row("AUSDT"), row("BUSDT", size: "x"), row("CUSDT")]))
        let sweep = sweeper.result
        #expect(sweep.rows.map(\.key.symbol) == ["AUSDT", "CUSDT"])
        #expect(sweep.refused.count == 1)
        #expect(sweep.failure == nil)
        #expect(!sweep.isComplete)
    }

    @Test func failureOnTheSecondPage() {
        var sweeper = sweeper(["USDT", "USDC"])
        sweeper.take(page([row("AUSDT")], cursor: "next"))
        sweeper.failed(RESTError(.timeout, message: "slow"), at: at(50))
        #expect(sweeper.queryText == "category=linear&settleCoin=USDC&limit=200")
        sweeper.take(page([row("BTCPERP")]))
        let sweep = sweeper.result
        #expect(sweep.rows.map(\.key.symbol) == ["AUSDT", "BTCPERP"])
        #expect(!sweep.isComplete)
        #expect(sweep.failure?.code == .timeout)
    }

    @Test(arguments: [.invalidKey, .expired, .banned, .cancelled, .permission] as [RESTError.Code])
    func hopelessFailuresEndTheSweep(code: RESTError.Code) {
        var sweeper = sweeper(["USDT", "USDC"])
        sweeper.failed(RESTError(code, message: ""), at: at(50))
        #expect(sweeper.nextQuery == nil)
        #expect(!sweeper.result.isComplete)
        #expect(sweeper.result.failure?.code == code)
    }

    @Test func aCursorThatComesAgain() {
        var sweeper = sweeper()
        sweeper.take(page([row("A")], cursor: "one"))
        sweeper.take(page([row("B")], cursor: "two"))
        sweeper.take(page([row("C")], cursor: "one"))
        #expect(sweeper.nextQuery == nil)
        #expect(!sweeper.result.isComplete)
        #expect(sweeper.result.failure?.code == .malformed)
    }

    @Test func pagesWithoutEnd() {
        var sweeper = sweeper()
        var pages = 0
        while sweeper.nextQuery != nil, pages < 1000 {
            pages += 1
            sweeper.take(page([], cursor: "c\(pages)"))
        }
        #expect(pages == Paging.maxPages)
        #expect(!sweeper.result.isComplete)
    }

    @Test(arguments: [(199, true), (200, false)])
    func aPageThatDoesNotSayWhetherAnotherFollows(count: Int, complete: Bool) {
        var sweeper = sweeper()
        sweeper.take(page((0..<count).map { row("S\($0)") }, cursor: nil))
        #expect(sweeper.result.isComplete == complete)
        #expect(sweeper.result.rows.count == count)
    }
}
