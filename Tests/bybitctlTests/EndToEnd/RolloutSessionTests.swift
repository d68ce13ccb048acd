import Foundation
import Testing

extension EndToEnd {
    /// What the documentation shows is what the program does.
    @Suite struct RolloutSession {}
}

extension EndToEnd.RolloutSession {
    private static let page = (1...4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
        url.deletingLastPathComponent()
    }.appendingPathComponent("docs/rollout.md")

    /// Runs the section "A session" line by line.
    @Test(.timeLimit(.minutes(4)))
    func theDocumentedSessionIsWhatHappens() async throws {
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        let session = try DocumentedSession(page: page, section: "A session")
        try await Workplace.with { place in
            let exchange = try await Self.exchange(in: place)
            let shell = try Shell(place, exchange)
            var commands = 0
            for step in session.steps {
                switch step {
                case .file(let name, let text): try place.write(Self.adapted(text, exchange), to: name)
                case .until(let account, let conditions): try await shell.wait(for: account, conditions)
                case .command(let command):
                    commands += 1
                    let lines = try await shell.run(command.text)
                    #expect(
                        Steady.text(lines) == Steady.text(command.output),
                        "rollout.md:\(command.line): $ \(command.text)\n\(lines.joined(separator: "\n"))"
                    )
                }
            }
            #expect(commands > 20)
            try await shell.stop()
        }
    }

    @Test(arguments: [
        ("sub-001: canary -> parallel (revision 3)", "sub-001: canary -> parallel (revision 4)", false),
        ("default: healthy, pid 1, up 2s, revision 6", "default: healthy, pid 77, up 1h05m, revision 6", true),
        ("default: healthy, pid 1, up 2s, revision 6", "default: degraded, pid 1, up 2s, revision 6", false),
        ("a  live  canary  rest  dry run    2  2.2  20ms", "a  live  canary  rest  dry run  2  17.0  1.3s", true),
        ("a  live  canary  rest  dry run  2  2.2  20ms", "a  live  canary  rest  dry run  1  2.2  20ms", false),
        ("a  soak  holds  2s  2s", "a  soak  holds  1m 3s  2s", true),
        ("a  soak  holds  2s  2s", "a  soak  holds  2s  3s", false),
        ("a  soak  holds  2s  2s", "a  soak  open  2s  2s", false),
        ("a  min_agreement_percent  holds  100 % of 6", "a  min_agreement_percent  holds  100 % of 71", true),
        ("a  min_agreement_percent  holds  100 % of 6", "a  min_agreement_percent  holds  99.9 % of 6", false),
        ("a  BTCUSDT  0  Buy  0.5  60000  59984.60  9ms  -7.7", "a  BTCUSDT  0  Buy  0.5  60000  6.1  2s  0", true),
        ("a  BTCUSDT  0  Buy  0.5  60000  59984.60  9ms  -7.7", "a  BTCUSDT  0  Buy  0.5  61000  6.1  2s  0", false),
    ])
    func onlyWhatIsDifferentEveryTimeIsLeftOut(one: String, other: String, isSame: Bool) {
        #expect((Steady.text(one) == Steady.text(other)) == isSame)
    }

    /// Three accounts that hold the same, bought at round prices.
    private static func exchange(in place: Workplace) async throws -> Exchange {
        let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 2)
        try await exchange.post("/prices", ["running": .flag(false)])
        for (symbol, price, size) in [("BTCUSDT", "60000", "0.5"), ("ETHUSDT", "3000", "2")] {
            try await exchange.post("/marks", ["symbol": .string(symbol), "price": .string(price)])
            for account in exchange.ready.accounts { try await exchange.open(account.name, symbol, "Buy", size) }
        }
        try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(100)])
        return exchange
    }

    /// The page's file, but for the exchange.
    private static func adapted(_ text: String, _ exchange: Exchange) throws -> String {
        let ready = exchange.ready
        let sockets = "public_ws: \"\(ready.publicLinear)\", private_ws: \"\(ready.private)\""
        let endpoints = "\(sockets), rest: \"\(ready.rest)\""
        let adapted = text.replacing("environment: testnet", with: "environment: custom, endpoints: { \(endpoints) }")
        guard adapted != text else { throw Disappointment("the page's file does not name the testnet") }
        return adapted
    }
}

/// A shell in which the program is found, as its user has one.
private struct Shell {
    private let place: Workplace
    private let environment: [String: String]
    private var state: String { self.place.file("state").path }

    init(_ place: Workplace, _ exchange: Exchange) throws {
        self.place = place
        let folder = place.file("bin")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("bybitctl"),
            withDestinationURL: Workplace.program
        )
        var environment = ["PATH": "\(folder.path):/usr/bin:/bin", "BYBITCTL_STATE_DIR": place.file("state").path]
        for account in exchange.ready.accounts {
            let name = account.name.uppercased().replacing("-", with: "_")
            environment["\(name)_KEY"] = account.apiKey
            environment["\(name)_SECRET"] = account.apiSecret
        }
        self.environment = environment
    }

    /// What one line of a session prints, as a terminal shows it.
    func run(_ line: String) async throws -> [String] {
        let child = try self.place.start(
            ["-c", "exec 2>&1\n" + line],
            of: URL(fileURLWithPath: "/bin/sh"),
            environment: self.environment
        )
        _ = try await child.exitCode(within: .seconds(70))
        return child.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    private func status() async throws -> StatusDocument {
        let result = try await self.place.run(["status", "--output", "json", "--state-dir", self.state])
        guard let document = try? JSONLines.decoder.decode(StatusDocument.self, from: Data(result.output.utf8)) else {
            throw Disappointment("status answered \(result.code): \(result.output)\(result.errors)")
        }
        return document
    }

    func wait(for account: String, _ conditions: [String: String]) async throws {
        var missing: [String] = []
        do {
            try await eventually("\(account)", within: .seconds(60)) {
                missing = try await self.status().account(account)?.missing(of: conditions) ?? ["\(account) itself"]
                return missing.isEmpty
            }
        } catch let error as Disappointment {
            throw Disappointment("\(error): missing \(missing)")
        }
    }

    /// Ends the daemon that the session has started, and waits for its end.
    func stop() async throws {
        let pid = try await self.status().pid
        kill(pid, SIGTERM)
        // What has ended and is not waited for has no command line any more.
        try await eventually("the daemon's end") {
            (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/cmdline")))?.isEmpty ?? true
        }
    }
}
