import Orchestrator
import Testing

@testable import bybitctl

@Suite struct ExitStatusTests {
    @Test(
        arguments: [(StatusReport.Health.healthy, 0), (.degraded, 1), (.critical, 2)] as [(StatusReport.Health, Int32)]
    )
    func health(health: StatusReport.Health, code: Int32) {
        #expect(ExitStatus(health).rawValue == code)
    }

    /// What `status` ends with for a fleet of one healthy account and one in this state.
    @Test(
        arguments: [
            (.live, true, 0, 0), (.starting, true, 0, 1), (.degraded, true, 0, 1), (.fallback, true, 0, 1),
            (.draining, true, 0, 1), (.drained, true, 0, 0), (.failed, true, 0, 2), (.disabled, false, 0, 0),
            (.disabled, true, 0, 0),
            // With a position that has no stop though its strategy demands one.
            (.live, true, 1, 2), (.draining, true, 1, 2), (.drained, true, 1, 0), (.disabled, false, 1, 0),
        ] as [(StatusReport.State, Bool, Int, Int32)]
    )
    func everyState(state: StatusReport.State, isEnabled: Bool, unprotected: Int, code: Int32) {
        let counts = StatusReport.PositionCounts(open: unprotected, stale: 0, unprotected: unprotected)
        let health = StatusReport.Health.ofAccount(enabled: isEnabled, state: state, counts: counts)
        let report = Samples.report([
            Samples.account("a"), Samples.account("b", enabled: isEnabled, state: state, health: health),
        ])
        #expect(ExitStatus(report.health).rawValue == code)
    }

    @Test(
        arguments: [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (64, 3), (75, 3), (77, 3), (78, 3), (130, 3)]
            as [(Int32, Int32)]
    )
    func nagios(code: Int32, plugin: Int32) {
        #expect(ExitStatus(rawValue: code).nagios.rawValue == plugin)
    }

    @Test func signals() {
        #expect(ExitStatus.signal(2).rawValue == 130)
        #expect(ExitStatus.signal(15).rawValue == 143)
    }

    @Test(
        arguments: [
            (ControlClientError.Code.notRunning, 3), (.noAnswer, 4), (.refused, 64), (.noPermission, 77), (.failed, 1),
        ] as [(ControlClientError.Code, Int32)]
    )
    func clientErrors(code: ControlClientError.Code, status: Int32) {
        #expect(CommandError(ControlClientError(code, "x")) == CommandError(ExitStatus(rawValue: status), "x"))
    }

    @Test func whatTheInstanceSaysOfItsErrorCounts() {
        let refusal = ControlRefusal(error: "x", exitCode: 78, isListing: true)
        #expect(
            CommandError(ControlClientError(.failed, "x", refusal: refusal))
                == CommandError(.configuration, "x", isRendered: true)
        )
    }

    @Test(
        arguments: [
            (InstanceError.Code.busy, 75), (.pathTooLong, 78), (.unsafePermissions, 77), (.badName, 64),
            (.configuration, 78), (.io, 1),
        ] as [(InstanceError.Code, Int32)]
    )
    func instanceErrors(code: InstanceError.Code, status: Int32) {
        #expect(CommandError(InstanceError(code, "x")).status.rawValue == status)
    }

    @Test(
        arguments: [
            (OrchestratorError.Code.busy, 75), (.configuration, 78), (.notSupported, 78), (.unknownAccount, 64),
            (.io, 1),
        ] as [(OrchestratorError.Code, Int32)]
    )
    func fleetErrors(code: OrchestratorError.Code, status: Int32) {
        #expect(CommandError(OrchestratorError(code, "x")).status.rawValue == status)
    }

    @Test func anythingElseIsAFailure() {
        struct Odd: Error {}
        #expect(CommandError(Odd()).status == .failed)
    }

    @Test func textOfAFailure() {
        #expect(CommandError(.failed, "no").text == "bybitctl: no\n")
        #expect(CommandError(.failed, "a.yaml:1:1: error", isRendered: true).text == "a.yaml:1:1: error\n")
        #expect(CommandError(.failed, "done\n", isRendered: true).text == "done\n")
    }
}
