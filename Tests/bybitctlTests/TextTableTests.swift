import Testing

@testable import bybitctl

@Suite struct TextTableTests {
    private let plain = Terminal(isInteractive: false, environment: [:])

    @Test func alignsAndNeverCuts() {
        var table = TextTable([.init("NAME"), .init("COUNT", .right), .init("NOTE")])
        table.append(["a", "1", ""])
        table.append(["a-name-that-is-quite-long", "12345", "x"])
        table.append(["b", "", "y"])
        #expect(
            table.text(self.plain) == """
                NAME                       COUNT  NOTE
                a                              1
                a-name-that-is-quite-long  12345  x
                b                                 y

                """
        )
    }

    @Test func nothingForNoRows() {
        #expect(TextTable([.init("NAME")]).text(self.plain) == "")
    }

    @Test func missingCellsAreEmpty() {
        var table = TextTable([.init("A"), .init("B")])
        table.append(["1"])
        table.append(["1", "2", "3"])
        #expect(table.text(self.plain) == "A  B\n1\n1  2\n")
    }

    @Test func coloursDoNotMoveColumns() {
        var table = TextTable([.init("A"), .init("B")])
        table.append([.init("bad", .bad), "x"])
        let text = table.text(Terminal(isInteractive: true, environment: [:]))
        #expect(text == "\u{1B}[1mA\u{1B}[0m    \u{1B}[1mB\u{1B}[0m\n\u{1B}[1;31mbad\u{1B}[0m  x\n")
    }

    @Test(
        arguments: [
            (true, [:], true), (true, ["NO_COLOR": "1"], false), (true, ["NO_COLOR": ""], true), (false, [:], false),
            (true, ["TERM": "dumb"], false),
        ] as [(Bool, [String: String], Bool)]
    )
    func colourOnlyOnATerminal(isInteractive: Bool, environment: [String: String], hasColor: Bool) {
        #expect(Terminal(isInteractive: isInteractive, environment: environment).hasColor == hasColor)
    }

    @Test(
        arguments: [
            (nil, "-"), (0, "0ms"), (85, "85ms"), (1000, "1s"), (12_345, "12.3s"), (60_000, "1m"), (245_000, "4m05s"),
            (11_520_000, "3h12m"), (187_200_000, "2d04h"), (-5, "0ms"),
        ] as [(Int64?, String)]
    )
    func ages(milliseconds: Int64?, text: String) {
        #expect(AgeText.of(milliseconds) == text)
    }
}
