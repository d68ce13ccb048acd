import Foundation
import Testing

extension EndToEnd {
    /// File descriptors run out.
    @Suite(.enabled(if: Limit.isPossible, "needs the prlimit program")) struct Descriptors {}
}

/// The limit of open files, of a process that runs or is started.
private enum Limit {
    static let tool = "/usr/bin/prlimit"
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: Self.tool) }

    /// Only the soft one, so that it can be raised again.
    static func set(_ count: Int, of daemon: Daemon) async throws {
        try await self.run(["--pid", "\(daemon.process.pid)", "--nofile=\(count):"], daemon.place)
    }

    private static func run(_ arguments: [String], _ place: Workplace) async throws {
        let process = try Self.start(arguments, place)
        guard try await process.exitCode() == 0 else {
            throw Disappointment("prlimit: \(process.errors)")
        }
    }

    static func start(_ arguments: [String], _ place: Workplace) throws -> ChildProcess {
        try ChildProcess(
            URL(fileURLWithPath: Self.tool),
            arguments,
            environment: ["PATH": "/usr/bin:/bin", "HOME": place.folder.path],
            folder: place.folder,
            log: place.file("prlimit-\(UUID().uuidString.prefix(8))")
        )
    }
}

extension EndToEnd.Descriptors {
    /// Connections that are lost meanwhile come back as soon as there are descriptors again.
    @Test(.timeLimit(.minutes(1)))
    func withoutDescriptorsConnectionsWaitAndComeBack() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 3, isHeldBefore: true)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            // Fewer than it has already: nothing new can be opened.
            try await Limit.set(5, of: daemon)
            try await exchange.kill("public")
            try await exchange.kill("private", account: "sub-001")
            try await eventually("the reason in the log") {
                daemon.process.errors.contains("Too many open files")
            }
            #expect(daemon.process.isRunning)
            try await Limit.set(1024, of: daemon)
            let status = try await daemon.waitUntilHealthy()
            #expect(status.tickers.receiving == scene.symbols.count)
            for name in ["sub-002", "sub-003"] { #expect(status.account(name)?.private.connects == 1) }
            try await scene.finish()
        }
    }

    /// The end comes in order also while nothing can be opened.
    @Test(.timeLimit(.minutes(1)))
    func withoutDescriptorsTheEndIsInOrder() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 3, isHeldBefore: true)
            try await Limit.set(5, of: scene.daemon)
            try await scene.exchange.kill("private", account: "sub-001")
            try await scene.waitForMarks(scene.symbols)
            #expect(try await scene.daemon.stop() == 0)
        }
    }

    /// Thirty accounts need far more. Either it is said at once, or as many accounts run as can, and `status` says the rest.
    @Test(.timeLimit(.minutes(1)), arguments: [12, 16, 20, 24, 32, 40, 64])
    func tooFewDescriptorsForTheFleetAreSaid(limit: Int) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 30, symbols: 2)
            let text = AccountsFile(exchange).text(stateFolder: place.file("d/state").path)
            let path = try place.write(text, to: "d/accounts.yaml").path
            let process = try Limit.start(
                ["--nofile=\(limit)", Workplace.program.path, "start", path],
                place
            )
            defer { process.send(SIGKILL) }
            try await eventually("an end or an answer") {
                if !process.isRunning { return true }
                let code = try await place.run([
                    "status", "--quiet", "--state-dir", place.file("d/state").path,
                ]).code
                return code == 1 || code == 2
            }
            if process.isRunning {
                process.send(SIGTERM)
                #expect(try await process.exitCode() == 0)
            } else {
                #expect(try await process.exitCode() == 1)
                #expect(process.errors.contains("open files"), "\(process.errors)")
            }
        }
    }
}
