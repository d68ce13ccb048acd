import ArgumentParser
import Simulator

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs the simulated exchange as a server of its own.",
        discussion: """
            When it is ready it prints one JSON line on standard output: its URLs, and each account's name, key and \
            secret. It runs until SIGINT or SIGTERM.
            """
    )

    @Option(help: ArgumentHelp("Port for REST and WebSockets; 0 takes a free one.", valueName: "port"))
    var port = 0

    @Option(help: ArgumentHelp("Port of the fault controls; 0 takes a free one.", valueName: "port"))
    var controlPort = 0

    @Option(help: ArgumentHelp("How many accounts exist: sub-001, sub-002 …", valueName: "number"))
    var accounts = 2

    @Option(help: ArgumentHelp("How many symbols are traded.", valueName: "number"))
    var symbols = 24

    @Option(help: ArgumentHelp("Everything random follows from it.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: "What the accounts do by themselves: none, low or high.")
    var activity = Activity.low

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Serves TLS with this certificate chain and key (PEM files).", valueName: "file"),
        completion: .file(extensions: ["pem", "crt", "key"])
    )
    var tls: [String] = []

    enum Activity: String, ExpressibleByArgument, CaseIterable {
        case none, low, high
    }

    func validate() throws {
        for (name, port) in [("--port", self.port), ("--control-port", self.controlPort)]
        where !(0...65_535).contains(port) {
            throw ValidationError("\(name) takes 0 to 65535")
        }
        guard (1...100_000).contains(self.accounts) else { throw ValidationError("--accounts takes 1 to 100000") }
        guard (1...10_000).contains(self.symbols) else { throw ValidationError("--symbols takes 1 to 10000") }
        guard self.tls.isEmpty || self.tls.count == 2 else {
            throw ValidationError("--tls takes two files: the certificate chain and the key")
        }
    }

    func run() async throws {
        try await SimulatedServer.run(self.options())
    }

    func options() -> SimulatorOptions {
        var options = SimulatorOptions()
        options.port = self.port
        options.controlPort = self.controlPort
        options.accounts = SimulateCommand.names(self.accounts)
        options.symbols = self.symbols
        options.seed = self.seed
        options.activity =
            switch self.activity {
            case .none: .none
            case .low: .low
            case .high: .high
            }
        if self.tls.count == 2 { options.tls = (certificate: self.tls[0], key: self.tls[1]) }
        return options
    }

    /// `sub-001` …, with as many digits as the last one needs.
    static func names(_ count: Int) -> [String] {
        let digits = max(3, String(count).count)
        return (1...count).map { number in
            let text = String(number)
            return "sub-" + String(repeating: "0", count: digits - text.count) + text
        }
    }
}
