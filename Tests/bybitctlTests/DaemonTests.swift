import Orchestrator
import Testing

@testable import bybitctl

@Suite struct DaemonTests {
    @Test func aMessageSurvivesThePipe() {
        let message = ReadinessPipe.Message(status: .busy, text: "bybitctl: busy\nreally\n")
        #expect(ReadinessPipe.Message(encoded: message.encoded) == message)
        #expect(ReadinessPipe.Message(encoded: "") == nil)
        #expect(ReadinessPipe.Message(encoded: "75") == nil)
        #expect(ReadinessPipe.Message(encoded: "x\ny") == nil)
    }

    @Test func banner() throws {
        let banner = Banner(
            location: try InstanceLocation(stateDirectory: "/s", instance: "night"),
            enabled: 2,
            disabled: 1,
            exchange: "simulator ws://127.0.0.1:8100/v5/public/linear",
            isDryRun: true,
            pid: 42,
            statusCommand: "bybitctl status --config accounts.yaml"
        )
        #expect(
            banner.text == """
                bybitctl: instance 'night' is ready, pid 42
                  accounts  2 accounts (1 disabled), dry run: no order is sent
                  exchange  simulator ws://127.0.0.1:8100/v5/public/linear
                  socket    /s/night/control.sock
                  status    bybitctl status --config accounts.yaml

                """
        )
    }
}
