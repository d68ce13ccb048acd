import Foundation
import Testing

@testable import HybridStream

@Suite("Operations")
struct OperationTests {
    struct Capture: Sendable {
        var text: String
        var operation: String
        var success: Bool?
        var message = ""
        var requestID = ""
        var isPong = false
    }

    static let captures = [
        Capture(
            text: #"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}"#,
            operation: "ping",
            success: true,
            message: "pong",
            isPong: true
        ),
        Capture(
            text: #"{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}"#,
            operation: "ping",
            success: true,
            message: "pong",
            isPong: true
        ),
        Capture(
            text: #"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"p1","op":"ping"}"#,
            operation: "ping",
            success: true,
            message: "pong",
            requestID: "p1",
            isPong: true
        ),
        Capture(text: #"{"args":["1672916271846"],"op":"pong"}"#, operation: "pong", isPong: true),
        Capture(
            text: #"{"req_id":"test","op":"pong","args":["1675418560633"],"conn_id":"c"}"#,
            operation: "pong",
            requestID: "test",
            isPong: true
        ),
        Capture(text: #"{"op":"pong","args":["1675418560633"],"conn_id":"c"}"#, operation: "pong", isPong: true),
        Capture(
            text: #"{"retCode":0,"retMsg":"OK","op":"pong","data":["1711002002529"],"connId":"c"}"#,
            operation: "pong",
            success: true,
            message: "OK",
            isPong: true
        ),
        Capture(text: #"{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}"#, operation: "auth", success: true),
        Capture(
            text: #"{"req_id":"a1","success":true,"ret_msg":"","op":"auth","conn_id":"c"}"#,
            operation: "auth",
            success: true,
            requestID: "a1"
        ),
        Capture(
            text: #"{"success":false,"ret_msg":"Params Error","op":"auth","conn_id":"c"}"#,
            operation: "auth",
            success: false,
            message: "Params Error"
        ),
        Capture(
            text: #"{"retCode":10004,"retMsg":"sign","op":"auth","connId":"c"}"#,
            operation: "auth",
            success: false,
            message: "sign"
        ),
        Capture(
            text: #"{"success":true,"ret_msg":"","conn_id":"c","req_id":"r1","op":"subscribe"}"#,
            operation: "subscribe",
            success: true,
            requestID: "r1"
        ),
        Capture(
            text: #"{"success":true,"ret_msg":"subscribe","conn_id":"c","req_id":"","op":"subscribe"}"#,
            operation: "subscribe",
            success: true,
            message: "subscribe"
        ),
        Capture(
            text:
                #"{"success":false,"ret_msg":"error:handler not found,topic:tickers.XUSDT","conn_id":"c","req_id":"r1","op":"subscribe"}"#,
            operation: "subscribe",
            success: false,
            message: "error:handler not found,topic:tickers.XUSDT",
            requestID: "r1"
        ),
        Capture(
            text:
                #"{"success":true,"conn_id":"c","data":{"failTopics":[],"successTopics":["tickers.X"]},"type":"COMMAND_RESP"}"#,
            operation: "",
            success: true
        ),
        Capture(
            text: #"{"op":"subscribe","req_id":7,"success":"true","ret_msg":null}"#,
            operation: "subscribe",
            success: true,
            requestID: "7"
        ),
    ]

    @Test("reads every captured answer on both sockets", arguments: captures)
    func replies(_ capture: Capture) {
        var expected = OperationReply()
        expected.operation = capture.operation
        expected.success = capture.success
        expected.message = capture.message
        expected.requestID = capture.requestID
        expected.connectionID = capture.text.contains("\"c\"") ? "c" : ""
        withBytes(capture.text) { bytes in
            if case .reply(let reply) = PublicFrame(bytes) {
                #expect(reply == expected)
                #expect(reply.isPong == capture.isPong)
            } else {
                Issue.record("the public socket does not take it for an answer")
            }
            if case .reply(let reply) = PrivateFrame(bytes, category: .linear) {
                #expect(reply == expected)
            } else {
                Issue.record("the private socket does not take it for an answer")
            }
        }
    }

    @Test(
        "tells refusals apart",
        arguments: [
            ("error:handler not found,topic:tickers.XUSDT", SubscriptionRefusal.unknownTopic("tickers.XUSDT")),
            ("error:handler not found,topic:tickers.btcusdt", .unknownTopic("tickers.btcusdt")),
            ("error:already subscribed,topic:tickers.BTCUSDT", .alreadySubscribed(topic: "tickers.BTCUSDT")),
            ("Error:Already subscribed,topic:tickers.BTCUSDT, again", .alreadySubscribed(topic: "tickers.BTCUSDT")),
            ("Invalid symbol :[tickers.XUSDT]", .unknownTopic("tickers.XUSDT")),
            ("error:invalid op", .other("error:invalid op")), ("args size >10", .other("args size >10")),
            ("", .other("")), ("error:handler not found,topic:", .other("error:handler not found,topic:")),
            ("odd [", .other("odd [")), ("odd []", .other("odd []")), ("]odd[", .other("]odd[")),
        ]
    )
    func refusals(_ message: String, _ expected: SubscriptionRefusal) {
        #expect(SubscriptionRefusal(message: message) == expected)
    }

    @Test("requests are valid JSON whatever stands in them")
    func requests() throws {
        let odd = "tickers.\"\\\u{1}\n\u{7F}é😀/BTC"
        let expected: [(String, NSDictionary)] = [
            (
                OperationRequest.subscribe(["tickers.A", odd], requestID: "r1"),
                ["req_id": "r1", "op": "subscribe", "args": ["tickers.A", odd]]
            ),
            (
                OperationRequest.unsubscribe([], requestID: "r2"),
                ["req_id": "r2", "op": "unsubscribe", "args": [String]()]
            ),
            (OperationRequest.ping(requestID: "p1"), ["req_id": "p1", "op": "ping"]),
            (
                OperationRequest.authenticate(
                    apiKey: "k\"",
                    expires: 1_662_350_400_000,
                    signature: "ab",
                    requestID: "auth"
                ),
                ["req_id": "auth", "op": "auth", "args": ["k\"", 1_662_350_400_000, "ab"] as NSArray]
            ),
        ]
        for (text, value) in expected {
            let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
            #expect(parsed == value, "\(text)")
        }
    }

    @Test("counts a topic's characters as they are sent")
    func characters() {
        let topics = (0..<200).map { "tickers.SYMBOL\($0)USDT" }
        let request = OperationRequest.subscribe(topics, requestID: "")
        let args = request.utf8.count - OperationRequest.subscribe([], requestID: "").utf8.count
        #expect(topics.reduce(0) { $0 + OperationRequest.argumentCharacters(of: $1) } >= args)
    }
}
