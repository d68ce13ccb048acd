/// `${NAME}` and `${NAME:-default}` in a text. `$${` is a literal `${`; a `$` before anything else is itself.
enum EnvironmentExpansion {
    struct Problem: Error, Equatable {
        /// Quotes the reference, never a value.
        var message: String
        var help: String?
    }

    static func expand(_ text: String, environment: [String: String]) -> Result<String, Problem> {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        let dollar = UInt8(ascii: "$")
        let open = UInt8(ascii: "{")
        while let index = rest.firstIndex(of: dollar) {
            result.append(contentsOf: rest[..<index])
            rest = rest[index...]
            if rest.starts(with: [dollar, dollar, open]) {
                result.append(contentsOf: [dollar, open])
                rest = rest.dropFirst(3)
            } else if rest.starts(with: [dollar, open]) {
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    return .failure(
                        Problem(message: "\"${\" is never closed", help: "write ${NAME}, or $${ for a literal ${")
                    )
                }
                let inside = rest[(rest.startIndex + 2)..<close]
                rest = rest[(close + 1)...]
                switch EnvironmentExpansion.value(inside, environment: environment) {
                case .success(let value): result.append(contentsOf: value.utf8)
                case .failure(let problem): return .failure(problem)
                }
            } else {
                result.append(dollar)
                rest = rest.dropFirst()
            }
        }
        result.append(contentsOf: rest)
        return .success(String(decoding: result, as: UTF8.self))
    }

    /// Whether a text that was written into a file holds anything besides references: of a secret, what others could read.
    static func isLiteral(_ text: String) -> Bool {
        var rest = text.utf8[...]
        while let index = rest.firstIndex(of: UInt8(ascii: "$")) {
            guard index == rest.startIndex, rest.starts(with: "${".utf8),
                let close = rest.firstIndex(of: UInt8(ascii: "}"))
            else { return true }
            let inside = rest[rest.index(index, offsetBy: 2)..<close]
            if let colon = inside.firstIndex(of: UInt8(ascii: ":")),
                inside.distance(from: colon, to: inside.endIndex) > 2
            {
                return true
            }
            rest = rest[rest.index(after: close)...]
        }
        return !rest.isEmpty
    }

    private static func value(
        _ inside: ArraySlice<UInt8>,
        environment: [String: String]
    ) -> Result<String, Problem> {
        var name = inside
        var fallback: String?
        if let colon = inside.firstIndex(of: UInt8(ascii: ":")) {
            name = inside[..<colon]
            let rest = inside[(colon + 1)...]
            guard rest.first == UInt8(ascii: "-") else {
                return .failure(
                    Problem(message: "\"${…:…}\" is not a reference", help: "write ${NAME} or ${NAME:-default}")
                )
            }
            fallback = String(decoding: rest.dropFirst(), as: UTF8.self)
        }
        guard let first = name.first, !ScalarText.isDigit(first), name.allSatisfy(EnvironmentExpansion.isNameByte)
        else {
            return .failure(
                Problem(
                    message: "\"${…}\" does not hold the name of an environment variable",
                    help: "write ${NAME} or ${NAME:-default}, or $${ for a literal ${"
                )
            )
        }
        let variable = String(decoding: name, as: UTF8.self)
        let value = environment[variable]
        // As in a shell, the default also stands in for an empty variable.
        if let fallback { return .success(value.flatMap { $0.isEmpty ? nil : $0 } ?? fallback) }
        if let value { return .success(value) }
        let shown = MessageText.shortened(variable)
        return .failure(
            Problem(
                message: "environment variable \(shown) is not set",
                help: "set it before starting, or give a default: ${\(shown):-…}"
            )
        )
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        ScalarText.isDigit(byte) || byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26
    }
}
