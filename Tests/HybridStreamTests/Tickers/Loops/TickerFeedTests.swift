import Logging
import NIOCore
import NIOPosix
import Testing

@testable import HybridStream

@Suite("TickerFeed over a real socket", .timeLimit(.minutes(1)))
struct TickerFeedTests {
    /// Confined to the hub's loop.
    final class Holder: @unchecked Sendable {
        let observer = RecordingObserver()
        let tracker: PositionTracker

        init(_ hub: MarkHub) { self.tracker = PositionTracker(hub: hub, observer: self.observer) }
    }

    @Test("a holder who comes back after the price has grown old is not told that it is fresh")
    func oldPrice() async throws {
        let server = try await RawServer { accept in
            let ack = WebSocketTests.text(#"{"success":true,"ret_msg":"","conn_id":"c","req_id":"1","op":"subscribe"}"#)
            let snapshot = WebSocketTests.text(
                #"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","markPrice":"101.5"},"cs":7,"ts":8}"#
            )
            return [WebSocketTests.switching(accept) + ack + snapshot]
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (feedLoop, hubLoop) = (group.next(), group.next())
        var settings = TickerFeedMachine.Settings(category: .linear)
        settings.staleAfter = .milliseconds(500)
        settings.linger = .seconds(60)
        let feed = TickerFeed(
            endpoint: try #require(WebSocketEndpoint("ws://127.0.0.1:\(server.port)/")),
            settings: settings,
            on: feedLoop,
            environment: .system(tls: nil),
            gate: ConnectionGate(connections: 100, per: .seconds(10), timerLoop: feedLoop),
            rest: nil,
            logger: Logger(label: "test")
        )
        let holder = Holder(feed.makeHub(on: hubLoop))
        @Sendable func receive(_ row: Position) { holder.tracker.receive(row, wallTime: 1, now: .now()) }
        // All on the loops' own threads: a busy machine must not let the price grow old before its time.
        let settled = hubLoop.makePromise(of: [String].self)
        holder.observer.onUpdate = { update in
            guard update.cause == .mark, update.position.seq == 1 else { return }
            hubLoop.execute {
                receive(row(0, seq: 2, time: 2))
                hubLoop.scheduleTask(in: .milliseconds(600)) {
                    receive(row(2, seq: 3, time: 3))
                    // There and back again: what the feed has to say to a new holder has been said.
                    feedLoop.execute { hubLoop.execute { settled.succeed(holder.observer.log) } }
                }
            }
        }
        hubLoop.execute { receive(row(1, seq: 1, time: 1)) }
        let log = try await settled.futureResult.get()
        #expect(
            log == [
                "opened hybrid 1 @100 stale", "mark hybrid 1 @101.5", "closed hybrid 0 @101.5",
                "opened hybrid 2 @100 stale",
            ],
            "nobody may act on a price that is older than allowed"
        )
        try await feed.stop().get()
        try await server.stop()
        try await group.shutdownGracefully()
    }
}
