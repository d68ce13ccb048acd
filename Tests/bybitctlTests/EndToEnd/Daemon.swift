import Foundation
import Testing

/// An accounts file as a test wants it.
struct AccountsFile {
    struct Account {
        var name: String
        var apiKey: String
        var apiSecret: String
        var extra = ""
        /// Folder of the files that hold key and secret, beside the accounts file; nil if they are written out.
        var secretFolder: String?

        fileprivate var credentials: String {
            guard let folder = self.secretFolder else {
                return "{ api_key: \"\(self.apiKey)\", api_secret: \"\(self.apiSecret)\" }"
            }
            return "{ api_key_file: \(folder)/\(self.name).key, api_secret_file: \(folder)/\(self.name).secret }"
        }
    }

    var accounts: [Account]
    var category = "linear"
    var publicURL: String
    var privateURL: String
    var restURL: String
    var caFile: String?
    var mode = "hybrid"
    var logLevel = "info"
    /// Lines under `stream:`. Reconnects are quick, so that a test waits for the code and not for the back-off.
    var stream = ["reconnect: { initial: 100ms, max: 500ms }"]

    /// Lines under `rollout:`.
    var rollout: [String] = []
    /// Lines of the strategy besides its sink.
    var consumers: [String] = []
    var isDryRun = true

    init(_ exchange: Exchange, category: String = "linear", only names: [String] = []) {
        self.category = category
        self.publicURL = category == "linear" ? exchange.ready.publicLinear : exchange.ready.publicInverse
        self.privateURL = exchange.ready.private
        self.restURL = exchange.ready.rest
        self.accounts = exchange.ready.accounts.filter { names.isEmpty || names.contains($0.name) }
            .map { Account(name: $0.name, apiKey: $0.apiKey, apiSecret: $0.apiSecret) }
    }

    /// A former file is kept without its secrets: for one that is to come back they must be somewhere else.
    mutating func moveSecrets(in place: Workplace) throws {
        for index in self.accounts.indices {
            let account = self.accounts[index]
            try place.write(account.apiKey, to: "d/keys/\(account.name).key")
            try place.write(account.apiSecret, to: "d/keys/\(account.name).secret")
            self.accounts[index].secretFolder = "keys"
        }
    }

    func text(stateFolder: String) -> String {
        var text = """
            version: 1
            exchange:
              environment: custom
              category: \(self.category)
              endpoints: { public_ws: "\(self.publicURL)", private_ws: "\(self.privateURL)", rest: "\(self.restURL)" }

            """
        if let caFile = self.caFile { text += "  tls: { ca_file: \(caFile) }\n" }
        text += """
            runtime:
              state_dir: \(stateFolder)
              http: off
              threads: 2
              log: { level: \(self.logLevel), format: json }
            stream:
            \(self.stream.map { "  \($0)" }.joined(separator: "\n"))
            defaults: { enabled: true, mode: \(self.mode), strategy: record, dry_run: \(self.isDryRun) }
            strategies:
              record:
            \(self.consumers.map { "    \($0)\n" }.joined())\
                sinks:
                  - jsonl: { path: "events/{account}.jsonl", rotate: 100MB, keep: 3 }
            accounts:

            """
        if !self.rollout.isEmpty {
            let lines = self.rollout.map { "  \($0)\n" }.joined()
            text = text.replacingOccurrences(of: "accounts:\n", with: "rollout:\n\(lines)accounts:\n")
        }
        for account in self.accounts {
            text += "  - name: \(account.name)\n"
            text += "    credentials: \(account.credentials)\n"
            if !account.extra.isEmpty { text += "    \(account.extra)\n" }
        }
        return text
    }
}

/// `bybitctl start` as a process, and what its user can ask it.
final class Daemon {
    let place: Workplace
    let name: String
    private(set) var process: ChildProcess

    var fileName: String { "\(self.name)/accounts.yaml" }
    var stateFolder: String { self.place.file("\(self.name)/state").path }

    private init(place: Workplace, name: String, process: ChildProcess) {
        self.place = place
        self.name = name
        self.process = process
    }

    /// Writes the file and starts the daemon; returns when it is ready to be asked.
    static func start(
        _ file: AccountsFile,
        in place: Workplace,
        name: String = "d",
        arguments: [String] = [],
        waits: Bool = true
    ) async throws -> Daemon {
        let state = place.file("\(name)/state").path
        let path = try place.write(file.text(stateFolder: state), to: "\(name)/accounts.yaml").path
        let daemon = Daemon(place: place, name: name, process: try place.start(["start", path] + arguments))
        if waits { try await daemon.waitUntilReady() } else { try await daemon.waitUntilAsked() }
        return daemon
    }

    /// The same again after its end.
    func restart(_ arguments: [String] = []) async throws {
        #expect(!self.process.isRunning)
        self.process = try self.place.start(["start", self.place.file(self.fileName).path] + arguments)
        try await self.waitUntilReady()
    }

    /// Until it answers, whatever state the accounts are in.
    private func waitUntilAsked() async throws {
        try await eventually("an answer") {
            if !self.process.isRunning { throw Disappointment("the daemon ended: \(self.process.errors)") }
            return try await self.ask(["status", "--quiet", "--exit-zero"]).code == 0
        }
    }

    private func waitUntilReady() async throws {
        try await eventually("the daemon's readiness") {
            if !self.process.isRunning { throw Disappointment("the daemon ended: \(self.process.errors)") }
            return self.process.errors.contains("\"ready\"")
        }
    }

    /// SIGTERM, and what the daemon answers.
    @discardableResult
    func stop() async throws -> Int32 {
        self.process.send(SIGTERM)
        let code = try await self.process.exitCode()
        // Whoever expects another end wants to know what the daemon said.
        if code != 0 { print("the daemon ended with \(code) and said: \(self.process.errors.suffix(20_000))") }
        return code
    }

    // MARK: Questions

    func ask(_ arguments: [String], within limit: Duration = .seconds(30)) async throws -> Workplace.Result {
        try await self.place.run(arguments + ["--state-dir", self.stateFolder], within: limit)
    }

    func status(_ names: [String] = []) async throws -> (code: Int32, document: StatusDocument) {
        let result = try await self.ask(["status", "--output", "json"] + names)
        guard let document = try? JSONLines.decoder.decode(StatusDocument.self, from: Data(result.output.utf8)) else {
            throw Disappointment("status answered \(result.code): \(result.output)\(result.errors)")
        }
        return (result.code, document)
    }

    @discardableResult
    func waitFor(
        _ what: String,
        within limit: Duration = .seconds(20),
        _ condition: (StatusDocument) -> Bool
    ) async throws -> StatusDocument {
        var last: StatusDocument?
        do {
            return try await eventually(what, within: limit) {
                let document = try await self.status().document
                last = document
                return condition(document) ? document : nil
            }
        } catch let error as Disappointment {
            throw Disappointment("\(error); last seen: \(last.map { "\($0)" } ?? "nothing")")
        }
    }

    @discardableResult
    func waitUntilHealthy() async throws -> StatusDocument {
        try await self.waitFor("health") { $0.health == "healthy" }
    }

    // MARK: Events

    func eventFile(_ account: String) -> URL { self.place.file("\(self.name)/events/\(account).jsonl") }

    /// Whole lines of an account's file so far.
    func eventText(_ account: String) -> String {
        guard let data = try? Data(contentsOf: self.eventFile(account)) else { return "" }
        let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return String(decoding: data[..<end], as: UTF8.self)
    }

    func events(_ account: String) throws -> [EventLine] {
        try JSONLines.decode(EventLine.self, from: Data(self.eventText(account).utf8))
    }

    /// The first event that fits.
    @discardableResult
    func event(
        _ account: String,
        _ what: String,
        within limit: Duration = .seconds(20),
        _ condition: (EventLine) -> Bool
    ) async throws -> EventLine {
        try await eventually("event: \(what)", within: limit) { try self.events(account).first(where: condition) }
    }
}
