import Orchestrator

/// What a daemon says when it is ready.
struct Banner: Equatable {
    let location: InstanceLocation
    let enabled: Int
    let disabled: Int
    /// The environment, and the address of its public stream.
    let exchange: String
    let isDryRun: Bool
    let pid: Int32
    let statusCommand: String

    /// A few lines for people.
    var text: String {
        let accounts = self.enabled == 1 ? "1 account" : "\(self.enabled) accounts"
        let rest = self.disabled == 0 ? "" : " (\(self.disabled) disabled)"
        return """
            bybitctl: instance '\(self.location.instance)' is ready, pid \(self.pid)
              accounts  \(accounts)\(rest)\(self.isDryRun ? ", dry run: no order is sent" : "")
              exchange  \(self.exchange)
              socket    \(self.location.controlSocket)
              status    \(self.statusCommand)

            """
    }
}
