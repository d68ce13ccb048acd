import NIOCore
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct PlanTableTests {
    private func configuration(_ accounts: [(String, Bool, Mode)]) -> Configuration {
        var configuration = Configuration(runtime: RuntimeConfiguration(stateDirectory: "/tmp/state"))
        configuration.accounts = accounts.map { name, isEnabled, mode in
            AccountConfiguration(
                name: name,
                isEnabled: isEnabled,
                mode: mode,
                strategyName: nil,
                strategy: Strategy(),
                isDryRun: true,
                credentials: nil
            )
        }
        return configuration
    }

    private func text(_ plan: FleetPlan) throws -> String {
        // By way of the bytes that a daemon sends.
        let read = try PlanTable.plan(try PlanDocument(plan).json)
        #expect(read == plan)
        return PlanTable(plan: read, terminal: Terminal(isInteractive: false, environment: [:])).text()
    }

    @Test func aPlan() throws {
        let old = self.configuration([("sub-001", true, .rest), ("sub-002", false, .rest), ("sub-003", true, .hybrid)])
        let new = self.configuration([("sub-001", true, .canary), ("sub-002", true, .rest), ("sub-003", true, .hybrid)])
        let origin = StoredOverride.Origin(revision: 7, kind: .rollback)
        let text = try self.text(
            FleetPlan(
                .apply,
                of: new,
                over: old,
                overrides: ["sub-003": StoredOverride(AccountOverride(mode: .rest), modeBy: origin)]
            )
        )
        #expect(
            text == """
                NAME     ACTION  FROM      TO      OVERRIDE                          WHY
                sub-001  switch  rest      canary  -                                 mode: rest -> canary
                sub-002  start   disabled  rest    -                                 enabled: false -> true
                sub-003  none    rest      rest    mode rest (revision 7, rollback)

                NEEDS
                sockets                  1 private, 1 public
                connection attempts      2, the budget is 400
                time until all are live  1s
                REST requests a second   1.2 polling, 0.03 reconciling
                REST limits a second     100.0 by the file, 120.0 by the exchange
                open files               102

                what runs differs from the file:
                  sub-003: mode hybrid in the file, rest by override (revision 7, rollback)

                """
        )
    }

    @Test(arguments: ["", "{}", #"{"accounts":[{}]}"#])
    func whatIsNoPlanFails(json: String) {
        let error = #expect(throws: CommandError.self) { try PlanTable.plan(ByteBuffer(string: json)) }
        #expect(error?.status == .failed)
    }
}
