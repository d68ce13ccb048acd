import CBench
import Foundation
import Glibc

/// `bybitctl simulate` in a process of its own, its accounts, and what they hold.
final class Exchange {
    struct Account {
        let name: String
        let key: String
        let secret: String
    }

    let control: ControlConnection
    let accounts: [Account]
    let symbols: [String]
    /// Lines of the `exchange` section.
    let configuration: [String]
    private let process: ChildProcess

    /// - Parameter authority: PEM files for TLS; nil is plain text.
    init(accounts: Int, symbols: Int, authority: Authority? = nil, folder: TemporaryFolder) throws {
        var arguments = ["simulate", "--accounts", "\(accounts)", "--symbols", "\(symbols)", "--activity", "none"]
        if let authority { arguments += ["--tls", authority.certificate, authority.key] }
        self.process = try ChildProcess(
            SystemFile.sibling("bybitctl"),
            arguments,
            errors: folder.path + "/exchange.log"
        )
        let line = try self.process.line(within: 60)
        guard let ready = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let publicURL = ready["public_linear"] as? String, let privateURL = ready["private"] as? String,
            let restURL = ready["rest"] as? String, let controlURL = ready["control"] as? String,
            let port = controlURL.split(whereSeparator: { $0 == ":" || $0 == "/" }).last.flatMap({ Int($0) }),
            let list = ready["accounts"] as? [[String: Any]]
        else { throw ChildProcess.Failure(description: "the exchange said \(line.prefix(300))") }
        self.accounts = list.compactMap { entry in
            guard let name = entry["name"] as? String, let key = entry["api_key"] as? String,
                let secret = entry["api_secret"] as? String
            else { return nil }
            return Account(name: name, key: key, secret: secret)
        }
        var lines = [
            "exchange:", "  environment: custom", "  category: linear",
            "  endpoints: { public_ws: \"\(publicURL)\", private_ws: \"\(privateURL)\", rest: \"\(restURL)\" }",
        ]
        if let authority { lines.append("  tls: { ca_file: \"\(authority.root)\" }") }
        self.configuration = lines
        self.control = try ControlConnection(port: port)
        let state = try JSONSerialization.jsonObject(with: Data(try self.control.get("/state"))) as? [String: Any]
        let marks = state?["marks"] as? [[String: Any]] ?? []
        let linear = marks.filter { $0["category"] as? String == "linear" }.compactMap { $0["symbol"] as? String }
        self.symbols = linear.filter { $0.hasSuffix("USDT") }
    }

    deinit { self.process.stop() }

    /// Opens positions for the first `accounts` accounts, each in `each` symbols.
    func openPositions(accounts: Int, each: Int) throws {
        guard self.symbols.count >= each, self.accounts.count >= accounts else {
            throw ChildProcess.Failure(description: "the exchange has too few symbols or accounts")
        }
        for (index, account) in self.accounts.prefix(accounts).enumerated() {
            for number in 0..<each {
                let symbol = self.symbols[(index * each + number) % self.symbols.count]
                let side = (index + number) % 2 == 0 ? "Buy" : "Sell"
                // A size every symbol's step divides.
                try self.control.post(
                    "/positions",
                    #"{"account":"\#(account.name)","symbol":"\#(symbol)","side":"\#(side)","size":"100"}"#
                )
            }
        }
    }
}

/// A certificate authority for one run, and a certificate of it for 127.0.0.1.
struct Authority {
    let root: String
    let certificate: String
    let key: String

    init(folder: TemporaryFolder) throws {
        self.root = folder.path + "/ca.pem"
        self.certificate = folder.path + "/server.pem"
        self.key = folder.path + "/server.key"
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try SystemFile.write("subjectAltName=IP:127.0.0.1\n", to: folder.path + "/names")
        try Self.openssl(
            [
                "req", "-x509", "-subj", "/CN=bench authority", "-days", "2", "-keyout", folder.path + "/ca.key",
                "-out", self.root,
            ]
                + newKey
        )
        try Self.openssl(
            ["req", "-subj", "/CN=bench", "-keyout", self.key, "-out", folder.path + "/server.csr"] + newKey
        )
        try Self.openssl([
            "x509", "-req", "-in", folder.path + "/server.csr", "-CA", self.root, "-CAkey", folder.path + "/ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", folder.path + "/names", "-out", self.certificate,
        ])
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = try ChildProcess("/usr/bin/openssl", arguments, errors: "/dev/null")
        guard process.finish().status == 0 else {
            throw ChildProcess.Failure(description: "openssl \(arguments.joined(separator: " ")) failed")
        }
    }
}

/// A folder that goes away with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/bybitctl-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ChildProcess.Failure(description: "no temporary folder: \(String(cString: strerror(errno)))")
        }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.path)
        } catch {
            Bench.say("bench: \(self.path) could not be removed: \(error)\n")
        }
    }
}
