import Foundation
import Testing

extension EndToEnd {
    /// Servers are trusted for the right reasons only.
    @Suite struct TLS {}
}

/// A throw-away certificate authority and what it signs, made by OpenSSL's own program.
private struct Authority {
    static let tool = "/usr/bin/openssl"
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: tool) }

    let place: Workplace
    let name: String

    var certificate: String { self.place.file("\(self.name).pem").path }
    private var key: String { self.place.file("\(self.name).key").path }

    init(_ place: Workplace, _ name: String) async throws {
        self.place = place
        self.name = name
        try await self.openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                + ["-subj", "/CN=\(name)", "-keyout", self.key, "-out", self.certificate]
        )
    }

    /// Certificate and key for the given names, such as `DNS:localhost` or `IP:127.0.0.1`.
    func sign(_ name: String, _ names: String) async throws -> [String] {
        let (key, request) = (self.place.file("\(name).key").path, self.place.file("\(name).csr").path)
        let certificate = self.place.file("\(name).pem").path
        let extensions = try self.place.write(
            "subjectAltName=\(names)\nextendedKeyUsage=serverAuth\n",
            to: "\(name).ext"
        )
        try await self.openssl(
            ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
                + ["-subj", "/CN=server", "-keyout", key, "-out", request]
        )
        try await self.openssl(
            ["x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"]
                + ["-days", "2", "-extfile", extensions.path, "-out", certificate]
        )
        return [certificate, key]
    }

    private func openssl(_ arguments: [String]) async throws {
        let log = self.place.file("openssl-\(UUID().uuidString.prefix(8))")
        let process = try ChildProcess(
            URL(fileURLWithPath: Self.tool),
            arguments,
            environment: ["PATH": "/usr/bin:/bin"],
            folder: self.place.folder,
            log: log
        )
        guard try await process.exitCode() == 0 else { throw Disappointment("openssl: \(process.errors)") }
    }
}

extension EndToEnd.TLS {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Names in the certificate.
        let names: String
        /// What the accounts file calls the host.
        let host: String
        let knowsAuthority: Bool
        /// What the refusal must speak of; nil if all is well.
        let refusal: String?
    }

    private static let cases = [
        Case(testDescription: "address", names: "IP:127.0.0.1", host: "127.0.0.1", knowsAuthority: true, refusal: nil),
        Case(testDescription: "name", names: "DNS:localhost", host: "localhost", knowsAuthority: true, refusal: nil),
        Case(
            testDescription: "another name",
            names: "DNS:other.example",
            host: "localhost",
            knowsAuthority: true,
            refusal: "certificate"
        ),
        Case(
            testDescription: "a name for an address",
            names: "DNS:localhost",
            host: "127.0.0.1",
            knowsAuthority: true,
            refusal: "certificate"
        ),
        Case(
            testDescription: "unknown authority",
            names: "IP:127.0.0.1,DNS:localhost",
            host: "localhost",
            knowsAuthority: false,
            refusal: "certificate"
        ),
    ]

    @Test(
        .enabled(if: Authority.isPossible, "needs the openssl program to make certificates"),
        .timeLimit(.minutes(1)),
        arguments: EndToEnd.TLS.cases
    )
    func onlyTheRightCertificateOfAKnownAuthorityIsTrusted(_ example: Case) async throws {
        try await Workplace.with { place in
            let authority = try await Authority(place, "authority")
            let stranger = try await Authority(place, "stranger")
            let exchange = try await Exchange.start(
                in: place,
                accounts: 1,
                symbols: 2,
                tls: try await authority.sign("server", example.names)
            )
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            var file = AccountsFile(exchange)
            let host = { (url: String) in url.replacingOccurrences(of: "127.0.0.1", with: example.host) }
            (file.publicURL, file.privateURL) = (host(file.publicURL), host(file.privateURL))
            file.restURL = host(file.restURL)
            #expect(file.publicURL.hasPrefix("wss://") && file.restURL.hasPrefix("https://"))
            file.caFile = example.knowsAuthority ? authority.certificate : stranger.certificate
            file.stream += ["fallback_after: 2s"]
            let daemon = try await Daemon.start(file, in: place, waits: example.refusal == nil)
            guard let refusal = example.refusal else {
                try await daemon.waitUntilHealthy()
                try await daemon.event("sub-001", "a mark") { $0.cause == "mark" }
                #expect(try await daemon.stop() == 0)
                return
            }
            let status = try await daemon.waitFor("the reason") { $0.account("sub-001")?.lastError != nil }
            let account = try #require(status.account("sub-001"))
            #expect(account.state != "live")
            let reason = account.lastError ?? ""
            #expect(reason.lowercased().contains(refusal), "\(reason)")
            #expect(try await daemon.ask(["status", "--quiet"]).code != 0)
            #expect(try await exchange.record("connected", "rest").isEmpty, "something was said to a stranger")
            #expect(try await daemon.stop() == 0)
        }
    }
}
