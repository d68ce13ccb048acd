import CBench
import Glibc

/// `bench`: measures what the budgets are about and says whether they hold.
@main
enum Bench {
    static let usage = """
        usage: bench [--only NAME[,NAME…]] [--rounds N] [--json | --markdown]

          --only      figures whose name begins with NAME: \(Bench.names.joined(separator: " "))
          --rounds    rounds per figure, at least 5 (default 5)
          --json      figures as JSON on standard output
          --markdown  the table as Markdown

        The exit status is 1 if a budget that must hold is missed by more than the spread.

        """

    static let names = [
        "parse", "saturated", "paced", "hand-over", "lines", "latency", "fleet", "fleet-tls", "status", "recovery",
        "consumers",
        "replay",
    ]

    /// Budgets that nothing measures yet.
    private static let later = [
        Figure(
            "socket-lines",
            "event as JSON Lines into one socket per consumer, per event",
            unit: "µs",
            must: 2.5,
            aim: 0.5,
            note: "not measured yet"
        )
    ]

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandLine.arguments.dropFirst()
        do {
            if arguments.first == "--role" {
                try self.play(arguments.dropFirst())
            } else {
                try self.measure(try Options(arguments))
            }
        } catch let error as Options.Failure {
            self.say("bench: \(error.description)\n\(self.usage)")
            exit(64)
        } catch {
            self.say("bench: \(error)\n")
            exit(1)
        }
    }

    private static func play(_ arguments: ArraySlice<String>) throws {
        let rest = arguments.dropFirst(2)
        switch (arguments.first, arguments.dropFirst().first.flatMap { Int($0) }) {
        case ("server", _):
            exit(cbench_serve())
        case ("bare", let port?):
            exit(cbench_bare_client(CInt(port), ClientRole.symbol(0)))
        case ("client", let port?):
            guard let shape = ClientRole.Shape(rest), let client = ClientRole(port: port, shape: shape) else {
                throw Options.Failure(description: "a client needs a shape")
            }
            try client.run()
        default:
            throw Options.Failure(description: "no such role")
        }
    }

    private static func measure(_ options: Options) throws {
        guard cbench_allocations_available() == 1 else {
            throw ChildProcess.Failure(description: "a build with a sanitizer measures nothing")
        }
        try self.checkAllocationCounter()
        var figures: [Figure] = []
        func add(_ more: [Figure]) {
            figures += more
            for figure in more where !figure.samples.isEmpty {
                self.say("\(figure.title): \(figure.median.short) \(figure.unit) \(figure.verdict.rawValue)\n")
            }
        }
        if options.wants("parse") { add(try ParseFigures.measure(rounds: options.rounds)) }
        add(try FanOutFigures.measure(rounds: options.rounds, wanted: options.wants))
        add(try SocketFigures.measure(rounds: options.rounds, wanted: options.wants))
        add(try SystemFigures.measure(rounds: options.rounds, wanted: options.wants))
        add(try ConsumerFigures.measure(rounds: options.rounds, wanted: options.wants))
        add(Bench.later)
        self.report(figures, options)
        if figures.contains(where: { $0.verdict.isFailure }) { exit(1) }
    }

    private static func report(_ figures: [Figure], _ options: Options) {
        switch options.output {
        case .json: print(Report.json(figures, machine: SystemFile.machine), terminator: "")
        case .markdown: print("Measured on \(SystemFile.machine).\n\n" + Report.markdown(figures), terminator: "")
        case .table:
            print("\n" + Report.table(figures) + "\n" + Report.notes(figures) + "\n\(SystemFile.machine)")
        }
    }

    /// A count of none must not come from a counter that does not count.
    private static func checkAllocationCounter() throws {
        cbench_allocations_start()
        var objects: [CountingConsumer] = []
        for _ in 0..<8 { objects.append(CountingConsumer()) }
        let counted = cbench_allocations_stop()
        guard counted >= objects.count else {
            throw ChildProcess.Failure(description: "the allocation counter saw \(counted) of \(objects.count) objects")
        }
    }

    static func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// The command line.
struct Options {
    struct Failure: Error {
        let description: String
    }

    enum Output { case table, json, markdown }

    private(set) var rounds = 5
    private(set) var output = Output.table
    private var only: [String] = []

    init(_ arguments: ArraySlice<String>) throws {
        var arguments = arguments
        while let argument = arguments.popFirst() {
            switch argument {
            case "--only":
                guard let names = arguments.popFirst() else { throw Failure(description: "--only needs a name") }
                for name in names.split(separator: ",").map(String.init) {
                    guard Bench.names.contains(name) else { throw Failure(description: "there is no figure \(name)") }
                    self.only.append(name)
                }
            case "--rounds":
                guard let rounds = arguments.popFirst().flatMap({ Int($0) }), rounds >= 5 else {
                    throw Failure(description: "--rounds needs a number from 5 on")
                }
                self.rounds = rounds
            case "--json": self.output = .json
            case "--markdown": self.output = .markdown
            default: throw Failure(description: "unknown argument \(argument)")
            }
        }
    }

    func wants(_ name: String) -> Bool { self.only.isEmpty || self.only.contains(name) }
}
