/// Makes text of the exchange fit for logs: one short line without secrets.
enum Redaction {
    /// Longer text is cut.
    static let maxLength = 240

    /// - Parameter credentials: removed wherever they appear, like the `origin_string[…]` of a refused signature, which
    ///   holds the key and the whole request.
    static func clean(_ text: String, removing credentials: Credentials? = nil) -> String {
        var line = Self.withoutOriginString(text)
        if let credentials {
            for secret in [credentials.apiSecret, credentials.apiKey] where !secret.isEmpty {
                line = Self.replace(secret, in: line, by: "…")
            }
        }
        let printable = line.unicodeScalars.map { $0.properties.isWhitespace || $0.value < 0x20 ? " " : Character($0) }
        let words = String(printable).split(separator: " ")
        let joined = words.joined(separator: " ")
        return joined.count > Self.maxLength ? joined.prefix(Self.maxLength) + "…" : joined
    }

    /// The readable text of an error page: its title, or what is left without tags.
    static func excerpt(ofPage body: [UInt8]) -> String {
        let page = Array(body.prefix(4096))
        if let open = Self.range(of: "<title>", in: page, ignoringCase: true),
            let close = Self.range(of: "</title>", in: page, ignoringCase: true), open.upperBound <= close.lowerBound
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

    /// Drops everything from `origin_string` on to its last bracket: the text inside may hold brackets itself.
    private static func withoutOriginString(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let start = Self.range(of: "origin_string", in: bytes, ignoringCase: true) else { return text }
        let head = String(decoding: bytes[..<start.lowerBound], as: UTF8.self) + "origin_string[…]"
        guard let last = bytes.lastIndex(of: UInt8(ascii: "]")), last >= start.upperBound else { return head }
        return head + String(decoding: bytes[(last + 1)...], as: UTF8.self)
    }

    private static func replace(_ secret: String, in text: String, by replacement: String) -> String {
        var rest = Array(text.utf8)
        var result: [UInt8] = []
        while let found = Self.range(of: secret, in: rest, ignoringCase: false) {
            result += Array(rest[..<found.lowerBound]) + Array(replacement.utf8)
            rest = Array(rest[found.upperBound...])
        }
        return String(decoding: result + rest, as: UTF8.self)
    }

    /// The first place of a text in bytes.
    /// - Parameter ignoringCase: `needle` is lowercase, and ASCII letters match whatever their case.
    private static func range(of needle: String, in bytes: [UInt8], ignoringCase: Bool) -> Range<Int>? {
        let pattern = Array(needle.utf8)
        guard !pattern.isEmpty, bytes.count >= pattern.count else { return nil }
        let isUpper = { (byte: UInt8) in byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
        for start in 0...(bytes.count - pattern.count) {
            let matches = zip(bytes[start...], pattern).allSatisfy { byte, wanted in
                byte == wanted || ignoringCase && isUpper(byte) && byte | 0x20 == wanted
            }
            if matches { return start..<start + pattern.count }
        }
        return nil
    }
}
