/// Makes text of the exchange fit for logs: one short line without secrets.
enum Redaction {
    /// Longer text is cut. Counted in Unicode scalars: one character may be made of thousands.
    static let maxLength = 240

    /// - Parameter credentials: removed wherever they appear, like the `origin_string[…]` of a refused signature, which
    ///   holds the key and the whole request.
    static func clean(_ text: String, removing credentials: Credentials? = nil) -> String {
        let bytes = Self.withoutOriginString(Self.without(credentials, in: Array(text.utf8)))
        return Self.line(String(decoding: bytes, as: UTF8.self))
    }

    /// The readable text of an error page: its title, or what is left without tags.
    /// - Parameter credentials: removed before anything is cut, or the beginning of a secret could stay behind.
    static func excerpt(ofPage body: [UInt8], removing credentials: Credentials? = nil) -> String {
        let page = Self.without(credentials, in: body).prefix(4096)
        if let open = Self.range(of: Array("<title>".utf8), in: page, ignoringCase: true),
            let close = Self.range(of: Array("</title>".utf8), in: page[open.upperBound...], ignoringCase: true)
        {
            let title = Self.clean(String(decoding: page[open.upperBound..<close.lowerBound], as: UTF8.self))
            if !title.isEmpty { return title }
        }
        var text = ""
        var inTag = false
        for character in String(decoding: page, as: UTF8.self) {
            switch character {
            case "<": inTag = true
            case ">":
                inTag = false
                text.append(" ")
            case _ where inTag: break
            case let other: text.append(other)
            }
        }
        return Self.clean(text)
    }

    /// Words with single blanks between them, cut where it gets too long. What a terminal would obey is a blank too.
    private static func line(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        var count = 0
        var hasBlank = false
        for scalar in text.unicodeScalars {
            let category = scalar.properties.generalCategory
            if scalar.properties.isWhitespace || category == .control || category == .format {
                hasBlank = count > 0
                continue
            }
            count += hasBlank ? 2 : 1
            guard count <= Self.maxLength else { return String(line) + "…" }
            if hasBlank { line.append(" ") }
            hasBlank = false
            line.append(scalar)
        }
        return String(line)
    }

    /// Drops everything from `origin_string` on to its last bracket: the text inside may hold brackets itself.
    private static func withoutOriginString(_ bytes: [UInt8]) -> [UInt8] {
        guard let start = Self.range(of: Array("origin_string".utf8), in: bytes[...], ignoringCase: true) else {
            return bytes
        }
        let head = Array(bytes[..<start.lowerBound]) + Array("origin_string[…]".utf8)
        guard let last = bytes.lastIndex(of: UInt8(ascii: "]")), last >= start.upperBound else { return head }
        return head + bytes[(last + 1)...]
    }

    private static func without(_ credentials: Credentials?, in bytes: [UInt8]) -> [UInt8] {
        guard let credentials else { return bytes }
        return [credentials.apiSecret, credentials.apiKey].reduce(bytes) { Self.replace(Array($1.utf8), in: $0) }
    }

    private static func replace(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let found = Self.range(of: secret, in: rest, ignoringCase: false) {
            result += rest[..<found.lowerBound]
            result += "…".utf8
            rest = rest[found.upperBound...]
        }
        return result.isEmpty ? bytes : result + rest
    }

    /// The first place of a text in bytes; nil if the text is empty.
    /// - Parameter ignoringCase: `pattern` is lowercase, and ASCII letters match whatever their case.
    private static func range(of pattern: [UInt8], in bytes: ArraySlice<UInt8>, ignoringCase: Bool) -> Range<Int>? {
        guard let first = pattern.first, bytes.count >= pattern.count else { return nil }
        let isUpper = { (byte: UInt8) in byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
        let matches = { (byte: UInt8, wanted: UInt8) in
            byte == wanted || ignoringCase && isUpper(byte) && byte | 0x20 == wanted
        }
        for start in bytes.startIndex...(bytes.endIndex - pattern.count) where matches(bytes[start], first) {
            let end = start + pattern.count
            if zip(bytes[start..<end], pattern).allSatisfy(matches) { return start..<end }
        }
        return nil
    }
}
