import Testing

@testable import Simulator

struct PublicSocketTests {
    @Test func subscribesWithOneSnapshotThenDeltas() throws {
        let harness = CoreHarness { $0.pricesRunning = true }
        let connection = try harness.open("/v5/public/linear")
        harness.send(#"{"req_id":"r1","op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        let first = try harness.parsed(connection)
        #expect(first.count == 2)
        #expect(first[0]["success"] == .bool(true))
        #expect(first[0]["req_id"] == .string("r1"))
        #expect(first[0]["op"] == .string("subscribe"))
        #expect(first[0]["ret_msg"] == .string(""))
        #expect(first[1]["type"] == .string("snapshot"))
        for field in ["markPrice", "lastPrice", "bid1Price", "ask1Size", "fundingRate", "openInterestValue", "preQty"] {
            #expect(first[1][path: "data", field] != nil, "\(field)")
        }
        harness.advance(10_000)
        let deltas = try harness.parsed(connection)
        #expect(deltas.count > 30 && deltas.count <= 100)
        #expect(
            deltas.allSatisfy { $0["type"] == .string("delta") && $0[path: "data", "symbol"] == .string("BTCUSDT") }
        )
        #expect(deltas.contains { $0[path: "data", "markPrice"] == nil })
        #expect(deltas.allSatisfy { ($0[path: "data", "bid1Price"] == nil) == ($0[path: "data", "bid1Size"] == nil) })
        let sequences = ([first[1]] + deltas).compactMap { $0["cs"]?.integer }
        #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $0 < $1 })
        let marks = deltas.compactMap { $0[path: "data", "markPrice"]?.text }
        #expect(marks.allSatisfy { $0.hasSuffix("0") && $0.split(separator: ".")[1].count == 2 })
    }

    @Test(arguments: [
        (#"["tickers.BTCUSDT","tickers.NOPEUSDT","tickers.nope"]"#, "error:handler not found,topic:tickers.NOPEUSDT"),
        (#"["tickers.btcusdt"]"#, "error:handler not found,topic:tickers.btcusdt"),
        (#"["tickers.BTCUSD"]"#, "error:handler not found,topic:tickers.BTCUSD"),
        (#"["position"]"#, "error:handler not found,topic:position"),
        (#"["tickers.ETHUSDT","tickers.SOLUSDT"]"#, "error:already subscribed,topic:tickers.ETHUSDT"),
        (#"["tickers.SOLUSDT","tickers.SOLUSDT"]"#, "error:already subscribed,topic:tickers.SOLUSDT"),
    ])
    func rejectsAWholeRequestForOneTopic(topics: String, message: String) throws {
        let harness = CoreHarness { $0.pricesRunning = true }
        let connection = try harness.open("/v5/public/linear")
        harness.send(#"{"op":"subscribe","args":["tickers.ETHUSDT"]}"#, on: connection)
        harness.advance(500)
        _ = harness.take(connection)
        harness.send(#"{"req_id":"x","op":"subscribe","args":\#(topics)}"#, on: connection)
        let reply = try #require(try harness.parsed(connection).first)
        #expect(reply["success"] == .bool(false))
        #expect(reply["ret_msg"] == .string(message))
        #expect(reply["req_id"] == .string("x"))
        // Nothing of the request is active; what was there before goes on.
        harness.advance(5000)
        let topicsSeen = Set(try harness.parsed(connection).compactMap { $0["topic"]?.text })
        #expect(topicsSeen == ["tickers.ETHUSDT"])
    }

    @Test func unsubscribeEndsAndResubscribeGivesANewSnapshot() throws {
        let harness = CoreHarness { $0.pricesRunning = true }
        let connection = try harness.open("/v5/public/linear")
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        harness.send(#"{"req_id":"u","op":"unsubscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        let reply = try #require(try harness.parsed(connection).last)
        #expect(reply["op"] == .string("unsubscribe") && reply["success"] == .bool(true))
        harness.advance(2000)
        #expect(harness.take(connection).isEmpty)
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        #expect(try harness.parsed(connection).map { $0["type"]?.text } == [nil, "snapshot"])
    }

    @Test func answersPingNonsenseAndUnknownOperations() throws {
        let harness = CoreHarness()
        let connection = try harness.open("/v5/public/inverse")
        harness.send(#"{"op":"ping","req_id":"7"}"#, on: connection)
        harness.send(#"{"op":"ping"}"#, on: connection)
        harness.send("hello", on: connection)
        harness.send(#"{"op":"dance"}"#, on: connection)
        let replies = try harness.parsed(connection)
        #expect(replies[0]["op"] == .string("ping") && replies[0]["ret_msg"] == .string("pong"))
        #expect(replies[0]["req_id"] == .string("7") && replies[1]["req_id"] == .string(""))
        #expect(replies[2]["ret_msg"]?.text?.hasPrefix("Failed to decode incoming data:") == true)
        #expect(replies[3]["ret_msg"] == .string("error:invalid op"))
        #expect(harness.closes.isEmpty)
    }

    @Test func limitsArgumentsAndSeparatesCategories() throws {
        let harness = CoreHarness { $0.symbols = 2000 }
        let linear = try harness.open("/v5/public/linear")
        let topics = harness.core.markets.filter { $0.instrument.category == .linear }.map { "\"\($0.topic)\"" }
        harness.send(#"{"op":"subscribe","args":[\#(topics.joined(separator: ","))]}"#, on: linear)
        #expect(try harness.parsed(linear).map { $0["success"] } == [.bool(false)])
        let spot = try harness.open("/v5/public/spot")
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: spot)
        let frames = try harness.parsed(spot)
        #expect(frames[0]["ret_msg"] == .string("subscribe"))
        #expect(frames[1][path: "data", "usdIndexPrice"] != nil && frames[1][path: "data", "bid1Price"] == nil)
    }

    @Test func cutsOnlyIdleSockets() throws {
        let harness = CoreHarness()
        let idle = try harness.open("/v5/public/linear")
        let pinged = try harness.open("/v5/public/linear")
        let subscribed = try harness.open("/v5/public/linear")
        harness.send(#"{"op":"ping"}"#, on: pinged)
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: subscribed)
        harness.advance(59_000)
        #expect(harness.closes.isEmpty)
        harness.advance(3000)
        #expect(harness.closes.map(\.connection) == [idle])
        #expect(harness.closes.map(\.manner) == [.drop])
    }

    @Test func silencesOneTopicUntilResubscribed() throws {
        let harness = CoreHarness { $0.pricesRunning = true }
        let connection = try harness.open("/v5/public/linear")
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT","tickers.ETHUSDT"]}"#, on: connection)
        try harness.control("/faults", #"{"silence":{"symbol":"BTCUSDT"}}"#)
        _ = harness.take(connection)
        harness.advance(3000)
        #expect(Set(try harness.parsed(connection).compactMap { $0["topic"]?.text }) == ["tickers.ETHUSDT"])
        harness.send(#"{"op":"unsubscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: connection)
        harness.advance(3000)
        #expect(Set(try harness.parsed(connection).compactMap { $0["topic"]?.text }).contains("tickers.BTCUSDT"))
    }

    @Test func sameSeedSameBytes() throws {
        func run(seed: UInt64) throws -> [UInt8] {
            let harness = CoreHarness {
                $0.seed = seed
                $0.activity = .high
                $0.pricesRunning = true
                $0.behaviour = SimulatorBehaviour()
            }
            let connection = try harness.open("/v5/public/linear")
            harness.send(#"{"op":"subscribe","args":["tickers.BTCUSDT","tickers.ETHUSDT"]}"#, on: connection)
            _ = try harness.openPrivate("sub-001")
            _ = try harness.openPrivate("sub-002")
            harness.advance(60_000)
            return harness.transcript
                + harness.request("GET", "/v5/position/list", "category=linear&settleCoin=USDT").body
        }
        let first = try run(seed: 42)
        #expect(first.count > 100_000)
        #expect(try run(seed: 42) == first)
        #expect(try run(seed: 43) != first)
    }
}
