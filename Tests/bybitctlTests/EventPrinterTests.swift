import NIOCore
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct EventPrinterTests {
    private static let mark =
        #"{"v":1,"event":"position.update","account":"sub-001","n":1042,"cause":"mark","source":"hybrid","symbol":"BTCUSDT","side":"Buy","size":"0.5","mark_price":"60123.40","unrealized_pnl":"61.7","stale":false,"conflated":2,"emitted_ts":1790134712401}"#

    @Test func linesPassUnchangedHoweverTheyAreSplit() {
        let lines = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"
        for size in 1...lines.utf8.count {
            var printer = EventPrinter(table: nil, limit: nil)
            var text = ""
            var rest = ByteBuffer(string: lines)
            while let chunk = rest.readSlice(length: min(size, rest.readableBytes)), chunk.readableBytes > 0 {
                let (part, isDone) = printer.take(chunk)
                text += String(buffer: part)
                #expect(!isDone)
            }
            #expect(text == lines)
        }
    }

    @Test func theLimitCutsBetweenLines() {
        var printer = EventPrinter(table: nil, limit: 2)
        let first = printer.take(ByteBuffer(string: "{\"n\":1}\n{\"n\""))
        #expect(String(buffer: first.text) == "{\"n\":1}\n")
        #expect(!first.isDone)
        let second = printer.take(ByteBuffer(string: ":2}\n{\"n\":3}\n"))
        #expect(String(buffer: second.text) == "{\"n\":2}\n")
        #expect(second.isDone)
    }

    @Test func aTable() {
        var table = EventTable(terminal: Terminal(isInteractive: false, environment: [:]))
        let heading = table.heading()
        let row = table.row(Self.mark.utf8)
        #expect(
            heading
                == "TIME          ACCOUNT              N  EVENT      SYMBOL          SIDE        SIZE          MARK         PNL  NOTE\n"
        )
        #expect(
            row
                == "03:38:32.401  sub-001           1042  mark       BTCUSDT         Buy          0.5      60123.40        61.7  2 merged\n"
        )
    }

    @Test func otherEventsSayWhatTheySay() {
        var table = EventTable(terminal: Terminal(isInteractive: false, environment: [:]))
        let row = table.row(
            #"{"v":1,"event":"account.state","account":"a","n":3,"emitted_ts":0,"old":"starting","new":"live","reason":"swept"}"#
                .utf8
        )
        #expect(row.contains("account.state"))
        #expect(row.hasSuffix("starting live swept\n"))
        #expect(table.row("not json".utf8) == "not json\n")
    }

    @Test func longNamesAreNotCut() {
        var table = EventTable(terminal: Terminal(isInteractive: false, environment: [:]))
        let name = String(repeating: "a", count: 63)
        #expect(table.row(#"{"event":"alert","account":"\#(name)","n":1}"#.utf8).contains(name))
    }
}
