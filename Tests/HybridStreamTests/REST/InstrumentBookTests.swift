import Logging
import Synchronization
import Testing

@testable import HybridStream

/// The book with an exchange and a clock that do as they are told.
private final class InstrumentRig: Sendable {
    struct Refused: Error {}

    private struct State {
        var answers: [String: Instrument] = [:]
        var isFailing = false
        var isHeld = false
        var fetches = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    let time = ManualTime()

    var fetches: Int { self.state.withLock { $0.fetches } }
    var isFailing: Bool {
        get { self.state.withLock { $0.isFailing } }
        set { self.state.withLock { $0.isFailing = newValue } }
    }

    func list(_ symbol: String, tick: String) {
        self.state.withLock {
            var instrument = Instrument(symbol: symbol)
            instrument.tickSize = FixedPoint(tick)
            $0.answers[symbol] = instrument
        }
    }

    func delist(_ symbol: String) { self.state.withLock { $0.answers[symbol] = nil } }

    /// From now on the exchange lets callers wait.
    func hold() { self.state.withLock { $0.isHeld = true } }

    func release() {
        let waiting = self.state.withLock { state in
            defer { state.waiting = [] }
            state.isHeld = false
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func fetch() async throws -> [Instrument] {
        self.state.withLock { $0.fetches += 1 }
        await withCheckedContinuation { continuation in
            let isHeld = self.state.withLock { state in
                if state.isHeld { state.waiting.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        return try self.state.withLock { state in
            if state.isFailing { throw Refused() }
            return Array(state.answers.values)
        }
    }

    func book() -> InstrumentBook {
        InstrumentBook(
            fetch: { try await self.fetch() },
            now: { self.time.now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

@Suite(.timeLimit(.minutes(1))) struct InstrumentBookTests {
    @Test func fetchedWhenFirstNeededAndKept() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        rig.list("B", tick: "0.01")
        let book = rig.book()
        #expect(rig.fetches == 0)
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.1"))
        #expect(await book.rules(of: "B")?.tickSize == FixedPoint("0.01"))
        rig.time.advance(by: InstrumentBook.lifetime - .milliseconds(1))
        #expect(await book.rules(of: "A") != nil)
        #expect(rig.fetches == 1)
    }

    /// All accounts share one: however many ask, the exchange is asked once.
    @Test func oneFetchForAllWhoAskMeanwhile() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        rig.hold()
        let book = rig.book()
        await withTaskGroup(of: Instrument?.self) { group in
            for _ in 0..<50 { group.addTask { await book.rules(of: "A") } }
            #expect(await eventually { rig.fetches == 1 })
            rig.release()
            for await rules in group { #expect(rules?.symbol == "A") }
        }
        #expect(rig.fetches == 1)
    }

    @Test func revisedRulesAreTakenOverAfterAnHour() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        let book = rig.book()
        _ = await book.rules(of: "A")
        rig.list("A", tick: "0.05")
        rig.time.advance(by: InstrumentBook.lifetime)
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.05"))
        #expect(rig.fetches == 2)
        // A symbol that is not listed any more can still be held.
        rig.delist("A")
        rig.time.advance(by: InstrumentBook.lifetime)
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.05"))
        #expect(rig.fetches == 3)
    }

    @Test func anUnknownSymbolIsAskedForAtOnceButNotAllTheTime() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        let book = rig.book()
        #expect(await book.rules(of: "NEW") == nil)
        #expect(await book.rules(of: "NEW") == nil)
        #expect(rig.fetches == 1)
        rig.list("NEW", tick: "1")
        rig.time.advance(by: InstrumentBook.pause - .milliseconds(1))
        #expect(await book.rules(of: "NEW") == nil)
        #expect(await book.rules(of: "A") != nil)
        #expect(rig.fetches == 1)
        rig.time.advance(by: .milliseconds(1))
        #expect(await book.rules(of: "NEW")?.tickSize == FixedPoint(1))
        #expect(rig.fetches == 2)
    }

    @Test func aFailureLeavesWhatWasKnownAndIsTriedAgainSoon() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        let book = rig.book()
        rig.isFailing = true
        #expect(await book.rules(of: "A") == nil)
        #expect(await book.rules(of: "A") == nil)
        #expect(rig.fetches == 1)
        rig.time.advance(by: InstrumentBook.retryPause)
        rig.isFailing = false
        #expect(await book.rules(of: "A") != nil)
        #expect(rig.fetches == 2)
        rig.isFailing = true
        rig.time.advance(by: InstrumentBook.lifetime)
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.1"))
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.1"))
        #expect(rig.fetches == 3)
        rig.time.advance(by: InstrumentBook.retryPause)
        #expect(await book.rules(of: "A")?.tickSize == FixedPoint("0.1"))
        #expect(rig.fetches == 4)
    }

    /// A close waits for no listing, neither the first nor a later one.
    @Test func whatIsKnownIsToldWithoutWaiting() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        rig.hold()
        let book = rig.book()
        #expect(await book.knownRules(of: "A") == nil)
        #expect(await book.knownRules(of: "A") == nil)
        #expect(await eventually { rig.fetches == 1 })
        rig.release()
        #expect(await eventually { await book.knownRules(of: "A") != nil })
        #expect(rig.fetches == 1)
        rig.list("A", tick: "0.05")
        rig.time.advance(by: InstrumentBook.lifetime)
        rig.hold()
        #expect(await book.knownRules(of: "A")?.tickSize == FixedPoint("0.1"))
        #expect(await eventually { rig.fetches == 2 })
        rig.release()
        #expect(await eventually { await book.knownRules(of: "A")?.tickSize == FixedPoint("0.05") })
        #expect(rig.fetches == 2)
    }

    @Test func tellsWhatItHasFetched() async {
        let rig = InstrumentRig()
        rig.list("A", tick: "0.1")
        let book = rig.book()
        let told = Mutex<[[String]]>([])
        await book.setOnFetched { instruments in told.withLock { $0.append(instruments.map(\.symbol)) } }
        _ = await book.rules(of: "A")
        rig.isFailing = true
        rig.time.advance(by: InstrumentBook.lifetime)
        _ = await book.rules(of: "A")
        #expect(told.withLock { $0 } == [["A"]])
    }

    // MARK: Over a connection

    private static let first =
        #"{"symbol":"A","status":"Trading","contractType":"LinearPerpetual","baseCoin":"A","#
        + #""quoteCoin":"USDT","settleCoin":"USDT","deliveryTime":"0","priceFilter":{"tickSize":"0.10","#
        + #""minPrice":"0.10","maxPrice":"1999999.80"},"lotSizeFilter":{"qtyStep":"0.001","minOrderQty":"0.002","#
        + #""maxOrderQty":"1190.000","maxMktOrderQty":"500.000","minNotionalValue":"5"},"fundingInterval":480}"#

    @Test func readsEveryPageAndEveryRule() async throws {
        try await TradingBench.run(
            attempts: 3,
            script: { index, request in
                // The second page comes at the second attempt only.
                if index == 1 { return .reply(status: 502, body: "<html></html>") }
                return request.query.contains("cursor=first%253D0%2526last%253D1")
                    ? .result(
                        #"{"category":"linear","list":[{"symbol":"B"},{"status":"Trading"}],"nextPageCursor":""}"#
                    )
                    : .result(
                        #"{"category":"linear","list":[\#(Self.first)],"nextPageCursor":"first%3D0%26last%3D1"}"#
                    )
            }
        ) { client, server in
            let book = InstrumentBook(
                fetch: { try await client.instruments(category: .linear) },
                now: { Uptime.now() },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            var expected = Instrument(symbol: "A")
            expected.status = "Trading"
            expected.contractType = "LinearPerpetual"
            expected.baseCoin = "A"
            expected.quoteCoin = "USDT"
            expected.settleCoin = "USDT"
            expected.tickSize = FixedPoint("0.1")
            expected.minPrice = FixedPoint("0.1")
            expected.maxPrice = FixedPoint("1999999.8")
            expected.qtyStep = FixedPoint("0.001")
            expected.minOrderQty = FixedPoint("0.002")
            expected.maxOrderQty = FixedPoint(1190)
            expected.maxMarketOrderQty = FixedPoint(500)
            expected.minNotionalValue = FixedPoint(5)
            #expect(await book.rules(of: "A") == expected)
            // Rules that are not told are not made up.
            #expect(await book.rules(of: "B") == Instrument(symbol: "B"))
            #expect(await book.rules(of: "") == nil)
            let base = "/v5/market/instruments-info?category=linear&limit=1000"
            let next = base + "&cursor=first%253D0%2526last%253D1"
            #expect(server.requests.map(\.target) == [base, next, next])
            #expect(server.requests.allSatisfy { $0.headers["x-bapi-sign"] == nil })
        }
    }

    /// Half a listing is none: what is on the missing page would pass for unknown.
    @Test func aListingThatBreaksOffIsNotTakenOver() async throws {
        try await TradingBench.run(script: { _, request in
            request.query.contains("cursor")
                ? .failure(10016, "no") : .result(#"{"list":[{"symbol":"A"}],"nextPageCursor":"x"}"#)
        }) { client, _ in
            let book = InstrumentBook(
                fetch: { try await client.instruments(category: .linear) },
                now: { Uptime.now() },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            #expect(await book.rules(of: "A") == nil)
        }
    }
}
