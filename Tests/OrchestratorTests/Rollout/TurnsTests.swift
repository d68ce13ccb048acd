import Testing

@testable import Orchestrator

@Suite struct TurnsTests {
    @Test func changesOfOneAccountComeOneAfterAnother() {
        var turns = Turns()
        let first = turns.ask([.account("a")])
        let second = turns.ask([.account("a")])
        let other = turns.ask([.account("b")])
        #expect(turns.begin() == [first, other])
        #expect(turns.begin() == [])
        turns.end(first)
        #expect(turns.begin() == [second])
    }

    @Test func aFileWaitsForItsAccountsAndHoldsUpNoOthers() {
        var turns = Turns()
        let drain = turns.ask([.account("a")])
        let file = turns.ask([.account("a"), .account("b")])
        let behind = turns.ask([.account("b")])
        let other = turns.ask([.account("c")])
        #expect(turns.begin() == [drain, other])
        turns.end(drain)
        #expect(turns.begin() == [file])
        #expect(turns.begin() == [])
        turns.end(file)
        #expect(turns.begin() == [behind])
    }

    @Test func aWayBackPassesWhoeverOnlyWaits() {
        var turns = Turns()
        let drain = turns.ask([.account("a")])
        let file = turns.ask([.account("a"), .account("b")])
        let back = turns.ask([.account("b")], isUrgent: true)
        let second = turns.ask([.account("b")], isUrgent: true)
        #expect(turns.begin() == [drain, back], "but not one that runs")
        turns.end(drain)
        #expect(turns.begin() == [], "the file waits for what has passed it")
        turns.end(back)
        #expect(turns.begin() == [file])
        turns.end(file)
        #expect(turns.begin() == [second])
    }

    @Test func eachPartOfATurnEndsByItself() {
        var turns = Turns()
        let file = turns.ask([.account("a"), .account("b")])
        #expect(turns.begin() == [file])
        let later = turns.ask([.account("b")])
        let parts = turns.split(file)
        #expect(Set(parts.keys) == [.account("a"), .account("b")])
        #expect(turns.begin() == [])
        if let part = parts[.account("b")] { turns.end(part) }
        #expect(turns.begin() == [later], "though the other part goes on")
        let third = turns.ask([.account("a")])
        #expect(turns.begin() == [])
        if let part = parts[.account("a")] { turns.end(part) }
        #expect(turns.begin() == [third])
    }

    @Test func whoGivesUpHoldsNobodyUp() {
        var turns = Turns()
        let first = turns.ask([.account("a")])
        let file = turns.ask([.account("a"), .account("b")])
        let later = turns.ask([.account("b")])
        #expect(turns.begin() == [first])
        turns.end(file)
        #expect(turns.begin() == [later])
        #expect(turns.split(file).isEmpty)
    }

    @Test func aFileWithoutAccountsWaitsForNobody() {
        var turns = Turns()
        let first = turns.ask([.account("a")])
        let nothing = turns.ask([])
        #expect(turns.begin() == [first, nothing])
    }
}
