/// The query strings of the control socket: what the client writes is what the server reads.
enum ControlQuery {
    static let maxTail = 100_000

    /// A refusal to read a query; says which value and what would do.
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// `positions=0|1&account=…&account=…`.
    struct Status: Equatable {
        var includePositions = true
        var accounts: [String] = []

        var uri: String {
            ControlQuery.uri(
                "/v1/status",
                [("positions", self.includePositions ? "1" : "0")] + self.accounts.named("account")
            )
        }

        init(includePositions: Bool = true, accounts: [String] = []) {
            self.includePositions = includePositions
            self.accounts = accounts
        }

        init(parameters: some Sequence<(key: Substring, value: Substring)>) throws(Malformed) {
            for (key, value) in parameters {
                switch key {
                case "positions": self.includePositions = try ControlQuery.boolean(value, key)
                case "account": self.accounts.append(String(value))
                default: throw Malformed(description: "unknown parameter '\(key)'; known: positions, account")
                }
            }
        }
    }

    static func uri(for filter: FollowRequest) -> String {
        var parameters =
            filter.accounts.named("account") + filter.symbols.named("symbol") + filter.causes.named("cause")
        if filter.shadow { parameters.append(("shadow", "1")) }
        if let since = filter.sinceMilliseconds { parameters.append(("since", String(since))) }
        if let tail = filter.tail { parameters.append(("tail", String(tail))) }
        return self.uri("/v1/events", parameters)
    }

    static func filter(parameters: some Sequence<(key: Substring, value: Substring)>) throws(Malformed) -> FollowRequest
    {
        var filter = FollowRequest()
        for (key, value) in parameters {
            switch key {
            case "account": filter.accounts.append(String(value))
            case "symbol": filter.symbols.append(String(value))
            case "cause": filter.causes.append(String(value))
            case "shadow": filter.shadow = try self.boolean(value, key)
            case "since":
                filter.sinceMilliseconds = try self.milliseconds(value)
            case "tail":
                guard let tail = Int(value), (0...self.maxTail).contains(tail) else {
                    throw Malformed(description: "tail=\(value) is not a number from 0 to \(self.maxTail)")
                }
                filter.tail = tail
            default:
                throw Malformed(
                    description: "unknown parameter '\(key)'; known: account, symbol, cause, shadow, since, tail"
                )
            }
        }
        return filter
    }

    static func milliseconds(_ value: Substring) throws(Malformed) -> Int64 {
        guard let since = Int64(value) else {
            throw Malformed(description: "since=\(value) is not a number of milliseconds since 1970")
        }
        return since
    }

    private static func boolean(_ value: Substring, _ key: Substring) throws(Malformed) -> Bool {
        switch value {
        case "0", "false": return false
        case "1", "true": return true
        default: throw Malformed(description: "\(key)=\(value) is neither 0 nor 1")
        }
    }

    static func uri(_ path: String, _ parameters: [(name: String, value: String)]) -> String {
        guard !parameters.isEmpty else { return path }
        return path + "?" + parameters.map { "\($0.name)=\(self.escaped($0.value))" }.joined(separator: "&")
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}

extension [String] {
    fileprivate func named(_ name: String) -> [(name: String, value: String)] {
        self.map { (name, $0) }
    }
}
