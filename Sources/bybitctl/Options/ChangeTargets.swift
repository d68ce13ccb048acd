import ArgumentParser
import Orchestrator

/// Which accounts a change is about.
struct ChangeTargets: ParsableArguments {
    @Argument(help: "The accounts.")
    var names: [String] = []

    @Flag(help: "All accounts of the file.")
    var all = false

    func request(_ command: ChangeRequest.Command) -> ChangeRequest {
        var request = ChangeRequest(command)
        var seen: Set<String> = []
        request.accounts = self.names.filter { seen.insert($0).inserted }
        request.isForAll = self.all
        return request
    }
}
