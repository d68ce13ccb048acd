/// Finds secrets by the looks of a line. The second line of defence, for files that could not be read as YAML and for
/// secrets in places where none belong (`--api-key=…` among the arguments of a command, a password in a URL).
enum SecretText {
    /// The values of everything in the line that looks like `secret: value` or `secret=value`, and the user part of URLs.
    static func ranges(in scalars: [Unicode.Scalar]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            if SecretText.isWord(scalar) {
                let start = index
                while index < scalars.count, SecretText.isWord(scalars[index]) { index += 1 }
                // The end of the value last: to look for it behind every word costs the square of a long line.
                if let from = SecretText.valueStart(in: scalars, after: index),
                    Secrecy.isSecretKey(SecretText.text(scalars[start..<index])),
                    let value = SecretText.value(in: scalars, from: from)
                {
                    ranges.append(value)
                    index = max(index, value.upperBound)
                }
            } else {
                if scalar == "/", index + 1 < scalars.count, scalars[index + 1] == "/",
                    let user = SecretText.userPart(in: scalars, after: index + 2)
                {
                    ranges.append(user)
                }
                index += 1
            }
        }
        return ranges
    }

    /// The text with everything masked that looks like a secret.
    static func masked(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        let ranges = SecretText.ranges(in: scalars).filter { !SecretText.isReference(scalars[$0]) }
        guard !ranges.isEmpty else { return text }
        var result = ""
        var index = 0
        for range in ranges where range.lowerBound >= index {
            result.unicodeScalars.append(contentsOf: scalars[index..<range.lowerBound])
            result += SourceQuoter.mask
            index = range.upperBound
        }
        result.unicodeScalars.append(contentsOf: scalars[index...])
        return result
    }

    /// Whether a line speaks of secrets anywhere.
    static func mentionsSecrets(_ scalars: [Unicode.Scalar]) -> Bool {
        SecretText.words(in: scalars).contains { range in
            let word = SecretText.text(scalars[range])
            return word == "credentials" || Secrecy.isSecretKey(word)
        }
    }

    /// Every word that is none of the grammar's own, for lines where anything may be a secret.
    static func strangeWords(in scalars: [Unicode.Scalar], known: Set<String>) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var index = 0
        while index < scalars.count {
            if scalars[index] == "$", let close = scalars[index...].prefix(256).firstIndex(of: "}"),
                SecretText.isReference(scalars[index...close])
            {
                index = close + 1
                continue
            }
            let start = index
            while index < scalars.count, !SecretText.isStructure(scalars[index]) { index += 1 }
            if index == start {
                index += 1
            } else if !known.contains(SecretText.text(scalars[start..<index])) {
                ranges.append(start..<index)
            }
        }
        return ranges
    }

    private static func words(in scalars: [Unicode.Scalar]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var index = 0
        while index < scalars.count {
            let start = index
            while index < scalars.count, SecretText.isWord(scalars[index]) { index += 1 }
            if index > start { ranges.append(start..<index) } else { index += 1 }
        }
        return ranges
    }

    private static func isStructure(_ scalar: Unicode.Scalar) -> Bool {
        [" ", "\t", "{", "}", "[", "]", ":", ",", "\"", "'", "-"].contains(scalar)
    }

    /// The key a line begins with, behind indentation, `-` and an opening brace.
    static func leadingKey(of scalars: [Unicode.Scalar]) -> String? {
        var index = 0
        while index < scalars.count, [" ", "\t", "-", "{", "[", "\"", "'"].contains(scalars[index]) { index += 1 }
        let start = index
        while index < scalars.count, SecretText.isWord(scalars[index]) { index += 1 }
        let end = index
        if index < scalars.count, scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        guard end > start, index < scalars.count, scalars[index] == ":" else { return nil }
        return SecretText.text(scalars[start..<end])
    }

    /// Exactly `${NAME}`, in quotes or without.
    static func isReference(_ scalars: ArraySlice<Unicode.Scalar>) -> Bool {
        var rest = scalars
        if let first = rest.first, let last = rest.last, rest.count > 1, first == last, first == "\"" || first == "'" {
            rest = rest.dropFirst().dropLast()
        }
        guard rest.count > 3, rest.starts(with: ["$", "{"]), rest.last == "}" else { return false }
        return rest.dropFirst(2).dropLast().allSatisfy { SecretText.isWord($0) && $0 != "-" }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    /// Where the value behind a key begins that ends at `index`, if a `:` or `=` follows.
    private static func valueStart(in scalars: [Unicode.Scalar], after index: Int) -> Int? {
        var index = index
        if index < scalars.count, scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        while index < scalars.count, scalars[index] == " " { index += 1 }
        guard index < scalars.count, scalars[index] == ":" || scalars[index] == "=" else { return nil }
        index += 1
        while index < scalars.count, scalars[index] == " " { index += 1 }
        return index < scalars.count ? index : nil
    }

    private static func value(in scalars: [Unicode.Scalar], from start: Int) -> Range<Int>? {
        var index = start
        let quote = scalars[index]
        // A comment, or a secret that begins with "#" and lost its quotes.
        if quote == "#" { return start..<scalars.count }
        if quote == "\"" || quote == "'" {
            let close = scalars[(index + 1)...].firstIndex(of: quote)
            return start..<(close.map { $0 + 1 } ?? scalars.count)
        }
        // A reference has a closing brace of its own.
        if quote == "$", index + 1 < scalars.count, scalars[index + 1] == "{",
            let close = scalars[index...].firstIndex(of: "}")
        {
            index = close + 1
        }
        while index < scalars.count, ![",", "}", "]", "\"", "'"].contains(scalars[index]) {
            if scalars[index] == "#", scalars[index - 1] == " " { break }
            index += 1
        }
        while index > start, scalars[index - 1] == " " { index -= 1 }
        return start < index ? start..<index : nil
    }

    /// `user:password` of `https://user:password@host`.
    private static func userPart(in scalars: [Unicode.Scalar], after start: Int) -> Range<Int>? {
        var index = start
        while index < scalars.count, !["/", " ", "\"", "'", ",", "}"].contains(scalars[index]) {
            if scalars[index] == "@" { return start..<index }
            index += 1
        }
        return nil
    }
}
