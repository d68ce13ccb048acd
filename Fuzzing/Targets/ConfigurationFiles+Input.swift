@testable import Orchestrator

/// A short text as the long one it stands for.
struct Amplified {
    /// Enough to tell a square from a line, little enough to be quick.
    static let limit = 16 * 1_024

    private(set) var bytes: [UInt8] = []

    init(_ text: [UInt8]) {
        var lines = text.pieces(separatedBy: "\n")[...]
        while let line = lines.popFirst() {
            guard let (copies, breaks) = Self.command(line), let next = lines.popFirst() else {
                self.bytes += line
                if !lines.isEmpty { self.bytes.append(0x0A) }
                continue
            }
            for copy in 0..<copies where self.bytes.count + next.count < Self.limit {
                for byte in next { self.bytes += byte == UInt8(ascii: "@") ? Array("\(copy)".utf8) : [byte] }
                if breaks { self.bytes.append(0x0A) }
            }
            if !breaks { self.bytes.append(0x0A) }
        }
    }

    private static func command(_ line: ArraySlice<UInt8>) -> (copies: Int, breaks: Bool)? {
        guard line.count > 2, line.first == UInt8(ascii: "#") else { return nil }
        let kind = line[line.startIndex + 1]
        guard kind == UInt8(ascii: "x") || kind == UInt8(ascii: "c"), let copies = Int(line.dropFirst(2).text) else {
            return nil
        }
        return (max(0, min(copies, self.limit)), kind == UInt8(ascii: "x"))
    }
}

/// Where the files of an input hold a text that must not be shown.
struct SecretMarks {
    static let mark = "S3CR3T"

    /// Every mark stands in a value that the composed tree calls a secret, or right behind the key of one.
    let areAllSecret: Bool

    init(_ files: [[UInt8]]) {
        let all = files.reduce(0) { $0 + Self.count($1) }
        var secret = 0
        var obvious = 0
        for bytes in files where all > 0 {
            for key in ["api_key: ", "api_secret: "] {
                obvious += bytes.pieces(separatedBy: key + Self.mark).count - 1
                obvious += bytes.pieces(separatedBy: key + "\"" + Self.mark).count - 1
            }
            let log = DiagnosticLog()
            let file = log.add(path: "a.yaml", directory: "/", bytes: bytes, permissions: nil)
            var seen: Set<SourceSpan> = []
            if let root = YAMLDocument(file, log: log).root { secret += Self.secrets(root, seen: &seen) }
        }
        self.areAllSecret = all > 0 && (all == secret || all == obvious)
    }

    private static func count(_ bytes: [UInt8]) -> Int { bytes.pieces(separatedBy: Self.mark).count - 1 }

    private static func secrets(_ node: YAMLNode, seen: inout Set<SourceSpan>) -> Int {
        switch node.content {
        case .scalar(let text):
            // The name of an environment variable is no secret, whatever it is called.
            guard node.isSecret, !text.contains("$"), seen.insert(node.span).inserted else { return 0 }
            return Self.count(Array(text.utf8))
        case .sequence(let items):
            return items.reduce(0) { $0 + Self.secrets($1, seen: &seen) }
        case .mapping(let entries):
            return entries.reduce(0) { $0 + Self.secrets($1.value, seen: &seen) }
        case .invalid:
            return 0
        }
    }
}
