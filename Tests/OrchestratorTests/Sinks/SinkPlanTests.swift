import Testing

@testable import Orchestrator

@Suite struct SinkPlanTests {
    private static func exec(_ command: String..., stop: Duration = .seconds(5)) -> SinkConfiguration {
        var exec = ExecSinkConfiguration()
        exec.command = command
        exec.stopTimeout = stop
        return .exec(exec)
    }

    private static func socket(_ path: String) -> SinkConfiguration {
        var socket = SocketSinkConfiguration()
        socket.path = path
        return .socket(socket)
    }

    @Test func thoseWhoNameTheSameShareIt() {
        var file = JSONLSinkConfiguration()
        file.path = "/events"
        let plan = SinkPlan([
            (
                "a",
                [.jsonl(file), Self.exec("bot", "--all", stop: .seconds(1)), Self.exec("bot", "a"), Self.socket("/s")]
            ),
            ("b", [Self.exec("bot", "--all", stop: .seconds(9)), Self.exec("bot", "b"), Self.socket("/t")]),
            ("c", [Self.socket("/s"), Self.exec("bot", "b"), Self.exec("bot", "b")]),
        ])
        #expect(plan.execs.map(\.configuration.command) == [["bot", "--all"], ["bot", "a"], ["bot", "b"]])
        #expect(plan.execs.map(\.accounts) == [["a", "b"], ["a"], ["b", "c"]])
        #expect(plan.execs[0].configuration.stopTimeout == .seconds(9), "the last one's settings hold")
        #expect(plan.sockets == [.init(path: "/s", accounts: ["a", "c"]), .init(path: "/t", accounts: ["b"])])
        #expect(!plan.isEmpty)
        #expect(SinkPlan([("a", [.jsonl(file)])]).isEmpty)
    }

    /// Alerts are told apart by the label, and an argument may be a secret.
    @Test func labelsAreUniqueAndShowNoArguments() {
        let plan = SinkPlan([
            ("a", [Self.exec("/bin/bot", "--token=s3cret"), Self.exec("/bin/bot", "--other"), Self.exec("x")]),
            ("b", [Self.exec("x")]),
            ("c", [Self.exec("x")]),
        ])
        #expect(plan.execs.map(\.label) == ["/bin/bot for a", "/bin/bot for a (2)", "x for a and 2 more accounts"])
        #expect(
            SinkPlan([("a", [Self.exec("x")]), ("b", [Self.exec("x")])]).execs[0].label == "x for a and 1 more account"
        )
    }

    @Test func moreMayWaitWhereMoreAccountsShare() {
        let one = SinkLimits(accounts: 1)
        #expect(one.conflating == 257 * 1_024 && one.hard == (8 * 1_024 + 64) * 1_024)
        let many = SinkLimits(accounts: 1_000)
        // Ten positions of each, told at once, of some 500 bytes.
        #expect(many.hard > 1_000 * 10 * 500)
    }

    @Test func nothingIsForgottenBeforeItHasArrivedEverywhere() throws {
        let start = ContinuousClock.now
        let files = DeliveryLedger()
        #expect(files.arrivedBefore(files: start) == nil, "not every account has its queues yet")
        files.fill()
        #expect(files.arrivedBefore(files: start) == start)
        let both = DeliveryLedger()
        both.childComes()
        both.fill()
        #expect(try #require(both.arrivedBefore(files: start + .seconds(60))) < start + .seconds(60))
        both.childrenHave(before: start + .seconds(10))
        #expect(both.arrivedBefore(files: start + .seconds(60)) == start + .seconds(9))
        #expect(both.arrivedBefore(files: start + .seconds(5)) == start + .seconds(5))
    }
}
