import HybridStream
import Testing

@testable import Orchestrator

@Suite struct TradingExchangeTests {
    private static let account = AccountIdentity(name: "sub-001", credentials: Credentials(apiKey: "k", apiSecret: "s"))

    private static func number(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

    private static func action(_ intent: Intent, size: String = "5", side: Side = .buy, index: Int = 0) throws -> Action
    {
        let key = PositionKey(category: .inverse, symbol: "BTCUSD", positionIndex: index)
        return Action(
            id: "ba-0123456789abcdef-3",
            seat: .agedMonitor,
            opening: Opening(key: key, side: side, openTime: 1, firstSeen: 1),
            intent: intent,
            size: try self.number(size),
            attempt: 3,
            isDryRun: false,
            created: 1
        )
    }

    private static func rules(most: String = "100", marketMost: String = "40") throws -> Instrument {
        var rules = Instrument(symbol: "BTCUSD")
        rules.qtyStep = try self.number("1")
        rules.minOrderQty = try self.number("2")
        rules.maxOrderQty = try self.number(most)
        rules.maxMarketOrderQty = try self.number(marketMost)
        return rules
    }

    private static func exchange(_ rest: FakeTradingREST, _ rules: Instrument? = nil) -> TradingExchange {
        TradingExchange(rest: rest, account: Self.account, rules: { $0 == rules?.symbol ? rules : nil })
    }

    // MARK: What is sent

    @Test func stopsAreSentAsTheyWereAskedFor() async throws {
        let rest = FakeTradingREST()
        let exchange = Self.exchange(rest)
        let stop = try Self.action(.setStop(price: Self.number("99.5"), triggerBy: .last), index: 1)
        #expect(await exchange.send(stop) == ActionAnswer(.accepted, code: 0))
        let intent = Intent.setTrailingStop(distance: try Self.number("2"), activation: .zero, triggerBy: .mark)
        #expect(await exchange.send(try Self.action(intent)) == ActionAnswer(.accepted, code: 0))
        var first = TradingStopRequest(key: stop.opening.key, triggerBy: "LastPrice")
        first.stopLoss = try Self.number("99.5")
        var second = TradingStopRequest(key: try Self.action(intent).opening.key, triggerBy: "MarkPrice")
        second.trailingStop = try Self.number("2")
        second.activation = .zero
        #expect(rest.stops == [first, second])
    }

    @Test(arguments: [Side.buy, .sell])
    func aCloseIsForTheWholePositionUnderItsID(side: Side) async throws {
        let rest = FakeTradingREST()
        let exchange = Self.exchange(rest, try Self.rules())
        let action = try Self.action(.closePosition(.market), side: side, index: 2)
        _ = await exchange.send(action)
        _ = await exchange.send(try Self.action(.closePosition(.limit(Self.number("7.5"))), side: side, index: 2))
        var order = ClosingOrder(
            key: action.opening.key,
            side: side,
            quantity: FixedPoint(5),
            linkID: "ba-0123456789abcdef-3"
        )
        let market = order
        order.limit = try Self.number("7.5")
        #expect(rest.closes == [market, order])
    }

    /// A position beyond one order's most, or below its least, is closed all the same.
    @Test(arguments: [
        ("41", false, "40"), ("40", false, "40"), ("101", true, "100"), ("41", true, "41"), ("4.5", false, "4"),
        ("1", false, "0"), ("0.5", true, "0"),
    ])
    func quantitiesKeepTheRules(size: String, isLimit: Bool, quantity: String) async throws {
        let rest = FakeTradingREST()
        let method = isLimit ? Intent.CloseMethod.limit(try Self.number("7.5")) : .market
        let action = try Self.action(.closePosition(method), size: size)
        #expect(await Self.exchange(rest, try Self.rules()).send(action).kind == .accepted)
        #expect(rest.closes.map(\.quantity.description) == [quantity])
        #expect(rest.closes.map(\.linkID) == [action.id])
    }

    @Test func withoutRulesTheSizeIsSentAsItIs() async throws {
        let rest = FakeTradingREST()
        let action = try Self.action(.closePosition(.market), size: "1000000.5")
        #expect(await Self.exchange(rest).send(action).kind == .accepted)
        #expect(rest.closes.map(\.quantity.description) == ["1000000.5"])
    }

    /// Zero takes stops away, and closes whatever is there: it must not come about by accident.
    @Test func whatWouldDoTheOppositeIsNotSent() async throws {
        let rest = FakeTradingREST()
        let exchange = Self.exchange(rest, try Self.rules())
        let one = FixedPoint(1)
        let flawed: [Action] = [
            try Self.action(.setStop(price: .zero, triggerBy: .mark)),
            try Self.action(.setStop(price: -one, triggerBy: .mark)),
            try Self.action(.setTrailingStop(distance: .zero, activation: one, triggerBy: .mark)),
            try Self.action(.closePosition(.limit(.zero))),
            try Self.action(.closePosition(.market), size: "0"),
            try Self.action(.closePosition(.market), size: "-1"),
            try Self.action(.closePosition(.market), side: .none),
        ]
        for action in flawed {
            let answer = await exchange.send(action)
            #expect(answer.kind == .impossible && answer.text.hasPrefix("not sent: "), "\(action)")
            #expect(answer.text.contains("inverse/BTCUSD/0"))
        }
        #expect(rest.stops.isEmpty && rest.closes.isEmpty)
    }

    // MARK: What is answered

    @Test(arguments: [
        (34040, ActionAnswer.Kind.unchanged), (110017, .flat), (110072, .duplicate), (110007, .impossible),
        (10005, .impossible), (10003, .impossible), (110003, .refused(isRateLimit: false)),
        (10018, .refused(isRateLimit: true)), (10006, .ambiguous(wasAnswered: true, isRateLimit: true)),
        (429, .ambiguous(wasAnswered: true, isRateLimit: true)),
        (10016, .ambiguous(wasAnswered: false, isRateLimit: false)),
    ])
    func answers(code: Int, kind: ActionAnswer.Kind) async throws {
        let body = Array(#"{"retCode":\#(code),"retMsg":"a reason"}"#.utf8)
        let error = try #require(RESTError.classify(status: 200, headers: .init(), body: body))
        let rest = FakeTradingREST()
        rest.fail(error)
        let answer = await Self.exchange(rest).send(try Self.action(.closePosition(.market)))
        #expect(answer.kind == kind && answer.code == code)
        #expect(answer.text.hasPrefix("a reason"))
        #expect(answer.text.hasSuffix(error.advice), "and what to do about it")
    }

    @Test func anErrorOfAnotherKindIsAmbiguous() async throws {
        let rest = FakeTradingREST()
        rest.fail(RESTError(.timeout, message: "no complete reply in time"))
        let answer = await Self.exchange(rest).send(try Self.action(.closePosition(.market)))
        #expect(answer.kind == .ambiguous(wasAnswered: false, isRateLimit: false))
        #expect(answer.text == "no complete reply in time" && answer.code == nil)
    }

    // MARK: What is found

    private static func text(_ finding: ActionFinding) -> String {
        switch finding {
        case .orderIsOpen: "open"
        case .orderEnded(let executed, let reason): "\(executed) closed: \(reason)"
        case .noOrder: "none"
        case .position(let row): "\(row.side) \(row.size) \(row.stopLoss)"
        case .failed(let text): "failed: \(text)"
        }
    }

    @Test(arguments: [
        ("New", "", "open"), ("PartiallyFilled", "EC_NoError", "open"), ("Filled", "EC_NoError", "3 closed: Filled"),
        ("Cancelled", "EC_NoImmediateQtyToFill", "3 closed: Cancelled, EC_NoImmediateQtyToFill"),
    ])
    func orders(status: String, reason: String, text: String) async throws {
        let rest = FakeTradingREST()
        let exchange = Self.exchange(rest)
        let action = try Self.action(.closePosition(.market))
        #expect(Self.text(await exchange.findOrder(action)) == "none")
        var order = OrderInformation()
        order.status = status
        order.rejectReason = reason
        order.executed = FixedPoint(3)
        rest.show(order)
        #expect(Self.text(await exchange.findOrder(action)) == text)
        let asked = FakeTradingREST.Order(linkID: action.id, category: .inverse, symbol: "BTCUSD")
        #expect(rest.lookUps == [asked, asked])
        rest.fail(RESTError(.server, message: "down"))
        #expect(Self.text(await exchange.findOrder(action)).hasPrefix("failed: down"))
    }

    private static func row(_ index: Int, _ size: Int) -> Position {
        Position(
            key: PositionKey(category: .inverse, symbol: "BTCUSD", positionIndex: index),
            side: size == 0 ? .none : .buy,
            size: FixedPoint(size),
            entryPrice: FixedPoint(size == 0 ? 0 : 100),
            stopLoss: "99"
        )
    }

    @Test func theRowOfTheActionsLeg() async throws {
        let rest = FakeTradingREST()
        let exchange = Self.exchange(rest)
        let action = try Self.action(.closePosition(.market), index: 1)
        rest.show([Self.row(2, 7), Self.row(1, 5)])
        #expect(Self.text(await exchange.findPosition(action)) == "\(Side.buy) 5 99")
        // Rows of the other mode: a leg that is not in use is flat.
        rest.show([Self.row(0, 7)])
        #expect(Self.text(await exchange.findPosition(action)) == "\(Side.none) 0 ")
        rest.fail(RESTError(.server, message: "down"))
        #expect(Self.text(await exchange.findPosition(action)).hasPrefix("failed: down"))
    }

    /// The exchange lists flat rows too when it is asked for a symbol: an empty listing says nothing about the position.
    @Test func anEmptyListingIsNotAFlatPosition() async throws {
        let action = try Self.action(.setStop(price: Self.number("99"), triggerBy: .mark))
        let finding = await Self.exchange(FakeTradingREST()).findPosition(action)
        #expect(Self.text(finding).hasPrefix("failed: the exchange has listed no row of BTCUSD"))
    }
}
