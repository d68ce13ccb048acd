import NIOCore
import NIOPosix
import Testing

@testable import HybridStream

/// A ticker source that only keeps a record.
final class RecordingSource: TickerSource, @unchecked Sendable {
    var log: [String] = []
    func acquire(_ symbol: String, for hub: MarkHub, index: Int) { self.log.append("+\(symbol)") }
    func release(_ symbol: String, for hub: MarkHub, index: Int) { self.log.append("-\(symbol)") }
}

final class RecordingObserver: PositionObserver {
    var log: [String] = []
    var updates: [PositionUpdate] = []
    var onUpdate: ((PositionUpdate) -> Void)?

    func observe(_ update: PositionUpdate) {
        self.updates.append(update)
        self.log.append(
            "\(update.cause) \(update.source) \(update.position.amount.normalized) @\(update.mark?.description ?? "-")"
                + (update.stale ? " stale" : "")
        )
        self.onUpdate?(update)
    }

    func take() -> [String] {
        defer { self.log = [] }
        return self.log
    }
}

@Suite("PositionTracker and MarkHub")
struct PositionTrackerTests {
    final class Rig {
        let source = RecordingSource()
        let hub: MarkHub
        let observer = RecordingObserver()
        let tracker: PositionTracker
        var cs: Int64 = 0

        init(hasHub: Bool = true) {
            self.hub = MarkHub(eventLoop: MultiThreadedEventLoopGroup.singleton.any(), feed: self.source)
            self.tracker = PositionTracker(
                hub: self.hub,
                drive: hasHub ? .hybrid : .rest,
                observer: self.observer
            )
        }

        func stream(_ row: Position) -> [String] {
            self.tracker.receive(row, wallTime: 1, now: .seconds(1))
            return self.observer.take()
        }

        func sweep(_ rows: [Position], source: PositionUpdate.Source = .hybrid, serverTime: Int64 = 1000) -> [String] {
            // Twice: of an absence one listing is no proof.
            for _ in 0..<2 {
                self.tracker.reconcile(
                    PositionBook.Listing(rows: rows, requested: .seconds(100), serverTime: serverTime),
                    isDriving: source == .hybrid,
                    wallTime: 1,
                    now: .seconds(100)
                )
            }
            return self.observer.take()
        }

        func mark(
            _ price: String,
            cs: Int64,
            time: Int64? = nil,
            index: Int = 0,
            source: PositionUpdate.Source = .hybrid
        ) -> [String] {
            let mark = Mark(
                price: FixedPoint(price) ?? .zero,
                cs: cs,
                exchangeTime: time ?? cs,
                receivedTime: 1,
                receivedUptime: .seconds(1),
                source: source
            )
            self.hub.deliver(mark, index: index, conflated: 0)
            return self.observer.take()
        }

        func stale(index: Int = 0) -> [String] {
            self.hub.deliverStale(index: index, wallTime: 1, now: .seconds(1))
            return self.observer.take()
        }
    }

    @Test("a ticker is taken with the first leg and given back with the last, however the close is learned")
    func tickers() {
        let rig = Rig()
        #expect(rig.stream(row(1, leg: 1, seq: 1, time: 1)) == ["opened hybrid 1 @100 stale"])
        #expect(rig.stream(row(-1, leg: 2, seq: 2, time: 2)) == ["opened hybrid -1 @100 stale"])
        _ = rig.stream(row(2, leg: 1, seq: 3, time: 3))
        #expect(rig.source.log == ["+BTCUSDT"])
        _ = rig.stream(row(0, leg: 1, seq: 4, time: 4))
        #expect(rig.source.log == ["+BTCUSDT"])
        #expect(rig.sweep([]) == ["closed hybrid 0 @100 stale"] || rig.source.log == ["+BTCUSDT", "-BTCUSDT"])
        #expect(rig.source.log == ["+BTCUSDT", "-BTCUSDT"])
        rig.tracker.releaseAll()
        #expect(rig.source.log == ["+BTCUSDT", "-BTCUSDT"])
    }

    @Test("marks: new ones only, never older, never after the close, clean after a reopening")
    func marks() {
        let rig = Rig()
        _ = rig.stream(row(1, seq: 1, time: 1))
        #expect(rig.mark("101", cs: 10) == ["mark hybrid 1 @101"])
        #expect(rig.mark("101.0", cs: 11) == [])
        #expect(rig.mark("99", cs: 9) == [])
        #expect(rig.mark("102", cs: 12) == ["mark hybrid 1 @102"])
        #expect(rig.stream(row(2, seq: 2, time: 2)) == ["increased hybrid 2 @102"])
        #expect(rig.observer.updates.last?.unrealizedPnL?.description == "4")
        #expect(rig.stream(row(0, seq: 3, time: 3)) == ["closed hybrid 0 @102"])
        #expect(rig.mark("103", cs: 13) == [] && rig.stale() == [])
        #expect(rig.stream(row(-1, seq: 4, time: 4)) == ["opened hybrid -1 @100 stale"], "no mark of the time before")
        #expect(rig.mark("98", cs: 14) == ["mark hybrid -1 @98"])
    }

    @Test("a late joiner gets the cached mark, stale if it is")
    func lateJoiner() {
        let rig = Rig()
        _ = rig.stream(row(1, leg: 1, seq: 1, time: 1))
        _ = rig.mark("101", cs: 10)
        #expect(rig.stream(row(-1, leg: 2, seq: 2, time: 2)) == ["opened hybrid -1 @101"])
        _ = rig.stream(row(0, leg: 2, seq: 3, time: 3))
        #expect(rig.stale() == ["stale hybrid 1 @101 stale"])
        #expect(rig.stream(row(-1, leg: 2, seq: 4, time: 4)) == ["opened hybrid -1 @101 stale"])
        #expect(rig.mark("101", cs: 11) == ["fresh hybrid 1 @101", "fresh hybrid -1 @101"])
    }

    @Test("the range of a mark is known while the ticker delivers, not while it is silent or REST stands in")
    func ranges() {
        let rig = Rig()
        func range() -> MarkRange? { rig.hub.range("BTCUSDT", from: .seconds(1), to: .seconds(2)) }
        let known = MarkRange(low: FixedPoint(101), high: FixedPoint(101))
        _ = rig.stream(row(1, seq: 1, time: 1))
        #expect(range() == nil)
        _ = rig.mark("101", cs: 10)
        #expect(range() == known)
        _ = rig.stale()
        #expect(range() == nil, "its last mark is told as stale")
        #expect(rig.mark("90", cs: 11, source: .rest) == ["fresh rest 1 @90"])
        #expect(range() == nil, "what REST said is not the ticker's")
        _ = rig.mark("101", cs: 12)
        #expect(range() == known, "and leaves no trace")
        _ = rig.stream(row(0, seq: 2, time: 2))
        #expect(range() == nil)
    }

    @Test("stale is said once, and fresh once, also when the price is as before")
    func staleness() {
        let rig = Rig()
        _ = rig.stream(row(1, seq: 1, time: 1))
        #expect(rig.stale() == [], "there was no mark that could have grown old")
        _ = rig.mark("101", cs: 10)
        #expect(rig.stale() == ["stale hybrid 1 @101 stale"])
        #expect(rig.stale() == [])
        #expect(rig.mark("101", cs: 11) == ["fresh hybrid 1 @101"])
        #expect(rig.mark("101", cs: 12) == [])
    }

    @Test("mode rest: the rows' own marks, only newer ones")
    func restMarks() {
        let rig = Rig(hasHub: false)
        #expect(
            rig.sweep([row(1, entry: 100, seq: 1, time: 1)], source: .rest, serverTime: 1000)
                == ["opened rest 1 @100 stale", "mark rest 1 @100"]
        )
        #expect(rig.sweep([row(1, entry: 100, seq: 1, time: 1)], source: .rest, serverTime: 2000) == [])
        func priced(_ mark: Int) -> Position {
            Position(
                key: PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0),
                side: .buy,
                size: FixedPoint(1),
                entryPrice: FixedPoint(100),
                rowMarkPrice: FixedPoint(mark),
                seq: 1,
                updatedTime: 1
            )
        }
        #expect(rig.sweep([priced(105)], source: .rest, serverTime: 3000) == ["mark rest 1 @105"])
        #expect(rig.sweep([priced(104)], source: .rest, serverTime: 2500) == [], "older than what was told")
        #expect(rig.sweep([], source: .rest, serverTime: 4000) == ["closed rest 0 @105"])
    }

    static func priced(_ mark: Int) -> Position {
        Position(
            key: PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0),
            side: .buy,
            size: FixedPoint(1),
            entryPrice: FixedPoint(100),
            rowMarkPrice: FixedPoint(mark),
            seq: 1,
            updatedTime: 1
        )
    }

    @Test(
        "a ticker that is silent is stood in for by the sweeps' marks, which stay stale",
        arguments: [PositionUpdate.Source.hybrid, .rest]
    )
    func standIn(_ source: PositionUpdate.Source) {
        let rig = Rig()
        #expect(rig.sweep([Self.priced(100)], source: source, serverTime: 1000) == ["opened \(source) 1 @100 stale"])
        _ = rig.mark("101", cs: 10, time: 2000)
        #expect(rig.sweep([Self.priced(102)], source: source, serverTime: 3000) == [], "the ticker is good")
        _ = rig.stale()
        #expect(rig.sweep([Self.priced(103)], source: source, serverTime: 10_000) == ["mark rest 1 @103 stale"])
        #expect(rig.sweep([Self.priced(103)], source: source, serverTime: 11_000) == [])
        #expect(rig.sweep([Self.priced(99)], source: source, serverTime: 9_000) == [])
        #expect(rig.mark("90", cs: 11, time: 9_500) == [], "a mark is never older than one already delivered")
        #expect(rig.mark("104", cs: 12, time: 10_500) == ["fresh hybrid 1 @104"])
        #expect(rig.mark("105", cs: 13, time: 10_600) == ["mark hybrid 1 @105"])
    }

    @Test("restored positions have their tickers before the first sweep")
    func restored() {
        let rig = Rig()
        rig.tracker.restore([row(1, seq: 1, time: 1), row(0, symbol: "ETHUSDT", seq: 1, time: 1)])
        #expect(rig.source.log == ["+BTCUSDT"] && rig.observer.take() == [])
        #expect(rig.sweep([row(1, seq: 1, time: 1)]) == ["resync hybrid 1 @100 stale"])
        #expect(rig.source.log == ["+BTCUSDT"])
    }

    @Test("close and reopen in one row: the ticker is kept in use")
    func reopened() {
        let rig = Rig()
        _ = rig.stream(row(1, seq: 1, time: 1, open: 100))
        _ = rig.mark("101", cs: 10)
        let events = rig.stream(row(1, seq: 2, time: 2, open: 200))
        #expect(
            events.first == "closed hybrid 0 @101" && events.last?.hasPrefix("opened hybrid 1") == true
                && events.count == 2
        )
        #expect(
            rig.source.log.filter { $0 == "+BTCUSDT" }.count == rig.source.log.filter { $0 == "-BTCUSDT" }.count + 1
        )
        #expect(rig.mark("102", cs: 11) == ["mark hybrid 1 @102"])
    }

    @Test("a hub on another loop: conflated to the newest, and an old mark is not sold as fresh")
    func mailbox() async throws {
        let rig = Rig()
        _ = rig.stream(row(1, seq: 1, time: 1))
        func posted(_ price: Int, _ cs: Int64) -> Bool {
            rig.hub.post(
                Mark(price: FixedPoint(price), cs: cs, exchangeTime: cs, receivedTime: 1, receivedUptime: .seconds(1)),
                index: 0
            )
        }
        #expect(posted(101, 1) == true)
        #expect(posted(102, 2) == false && posted(103, 3) == false, "one wake-up is enough")
        rig.hub.wake()
        try await rig.hub.eventLoop.submit {}.get()
        #expect(rig.observer.take() == ["mark hybrid 1 @103"])
        #expect(rig.observer.updates.last?.conflated == 2)
        #expect(posted(104, 4) == true)
        #expect(rig.hub.postStale(index: 0) == false)
        rig.hub.wake()
        try await rig.hub.eventLoop.submit {}.get()
        #expect(rig.observer.take() == ["stale hybrid 1 @103 stale"])
    }
}
