import HybridStream
import Testing

@testable import Orchestrator

@Suite struct PollBudgetTests {
    struct Fleet: Sendable {
        var requests = 100
        var per = Duration.seconds(1)
        var configured = Duration.seconds(5)
        var accounts: Int
        var perSweep = 2
        var interval: Duration
        var rate: String
        var isStretched = false
    }

    @Test(
        arguments: [
            Fleet(accounts: 0, interval: .seconds(5), rate: "0"),
            Fleet(accounts: 1, interval: .seconds(5), rate: "0.4"),
            Fleet(accounts: 125, interval: .seconds(5), rate: "50"),
            Fleet(accounts: 126, interval: .milliseconds(5_040), rate: "50", isStretched: true),
            Fleet(accounts: 250, perSweep: 1, interval: .seconds(5), rate: "50"),
            Fleet(accounts: 2_000, interval: .seconds(80), rate: "50", isStretched: true),
            Fleet(
                requests: 7,
                per: .seconds(3),
                accounts: 10,
                perSweep: 1,
                interval: .milliseconds(8_572),
                rate: "1.17",
                isStretched: true
            ),
            Fleet(configured: .seconds(60), accounts: 1_000, interval: .seconds(60), rate: "33.34"),
        ]
    )
    func pollingGetsHalfOfTheBudget(_ fleet: Fleet) throws {
        var budget = RESTBudget()
        budget.requests = fleet.requests
        budget.per = fleet.per
        let pace = PollBudget(
            budget: budget,
            configured: fleet.configured,
            accounts: fleet.accounts,
            requestsPerSweep: fleet.perSweep
        )
        #expect(pace.interval == fleet.interval)
        #expect(pace.requestsPerSecond == (try decimal(fleet.rate)))
        #expect(pace.isStretched == fleet.isStretched)
    }
}
