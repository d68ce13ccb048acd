import Testing

@testable import Orchestrator

@Suite struct TurnsTests {
    @Test func changesOfOneAccountComeOneAfterAnother() {
        var turns = Turns()
        let first = turns.ask(.account("a"))
        let second = turns.ask(.account("a"))
        let other = turns.ask(.account("b"))
        #expect(turns.begin() == [first, other])
        #expect(turns.begin() == [])
        turns.end(first)
        #expect(turns.begin() == [second])
    }

    @Test func aWholeFileWaitsForAllAndAllWaitForIt() {
        var turns = Turns()
        let first = turns.ask(.account("a"))
        let file = turns.ask(.all)
        let later = turns.ask(.account("b"))
        #expect(turns.begin() == [first], "whoever comes after a file waits for it, or it would wait for ever")
        turns.end(first)
        #expect(turns.begin() == [file])
        #expect(turns.begin() == [])
        turns.end(file)
        #expect(turns.begin() == [later])
    }

    @Test func whoGivesUpHoldsNobodyUp() {
        var turns = Turns()
        let first = turns.ask(.account("a"))
        let file = turns.ask(.all)
        let later = turns.ask(.account("b"))
        #expect(turns.begin() == [first])
        turns.end(file)
        #expect(turns.begin() == [later])
        turns.end(first)
        turns.end(later)
        #expect(turns.isIdle)
    }
}
