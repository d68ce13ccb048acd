import Testing

@testable import Orchestrator

@Suite struct RecentEventsTests {
    private func event(
        _ n: Int64,
        account: String = "a",
        symbol: String = "",
        kind: EventKinds = .opened,
        size: Int = 10
    )
        -> RecentEvents.Event
    {
        RecentEvents.Event(
            account: account,
            symbol: symbol,
            kind: kind,
            n: n,
            emittedTime: n * 1_000,
            line: [UInt8](repeating: 0, count: size)
        )
    }

    @Test func keepsTheNewest() {
        let recent = RecentEvents(maxEvents: 3, maxBytes: 100)
        for n in 1...5 { recent.append(self.event(Int64(n))) }
        #expect(recent.events().map(\.n) == [3, 4, 5])
        recent.append(self.event(6, size: 85))
        #expect(recent.events().map(\.n) == [5, 6])
    }

    @Test func answersByTimeNumberAndFilter() {
        let recent = RecentEvents()
        for n in 1...10 {
            recent.append(
                self.event(
                    Int64(n),
                    account: n % 2 == 0 ? "a" : "b",
                    symbol: n > 5 ? "X" : "Y",
                    kind: n == 8 ? .closed : .opened
                )
            )
        }
        #expect(recent.events(since: 8_000).map(\.n) == [8, 9, 10])
        #expect(recent.events(last: 2).map(\.n) == [9, 10])
        #expect(recent.events(matching: EventFilter(accounts: ["a"]), last: 2).map(\.n) == [8, 10])
        #expect(recent.events(matching: EventFilter(symbols: ["X"], kinds: .closed)).map(\.n) == [8])
    }
}
