/// A JSON document, read slowly and strictly (RFC 8259) and sharing no code with what is tested.
///
/// What it does not take is not claimed anything about: broken documents, keys that come twice, nesting deeper than the
/// client reads.
enum ReferenceJSON {
    case null
    case boolean(Bool)
    case number([UInt8])
    /// As written, without quotes. `text` is nil where escapes or bytes are no text.
    case string([UInt8], text: String?)
    case array([ReferenceJSON])
    case object([(key: [UInt8], value: ReferenceJSON)])

    static let maxDepth = 32

    init?(_ bytes: some Collection<UInt8>) {
        var parser = Parser(bytes: Array(bytes))
        guard let value = parser.value(depth: 0), parser.isAtEnd() else { return nil }
        self = value
    }

    /// The member of an object.
    subscript(_ key: StaticString) -> ReferenceJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.isEqual(to: key) }?.value
    }

    /// The bytes of a string, number, `true`, `false` or `null`; nil for anything that has parts.
    var scalar: [UInt8]? {
        switch self {
        case .null: Array("null".utf8)
        case .boolean(let value): Array((value ? "true" : "false").utf8)
        case .number(let bytes): bytes
        case .string(let bytes, _): bytes
        case .array, .object: nil
        }
    }

    var isNull: Bool { if case .null = self { true } else { false } }
    var isEscaped: Bool { if case .string(let bytes, _) = self { bytes.contains(0x5C) } else { false } }

    /// A whole number in a string or by itself; nil for anything else, and for what 64 bits do not hold.
    var integer: Int64? {
        guard let bytes = self.scalar, let first = bytes.first else { return nil }
        let digits = first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let magnitude = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
        return first == UInt8(ascii: "-") ? -magnitude : magnitude
    }

    /// The text of a scalar; `null` and what has parts is empty. Nil if nothing can be claimed of it.
    var string: String? {
        switch self {
        case .null, .array, .object: ""
        case .boolean(let value): value ? "true" : "false"
        case .number(let bytes): bytes.text
        case .string(_, let text): text
        }
    }
}

extension ReferenceJSON {
    private struct Parser {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        private var next: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

        private mutating func skipSpace() {
            while let byte = self.next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { self.index += 1 }
        }

        private mutating func take(_ text: StaticString) -> Bool {
            let end = self.index + text.utf8CodeUnitCount
            guard end <= self.bytes.count, self.bytes[self.index..<end].isEqual(to: text) else { return false }
            self.index = end
            return true
        }

        mutating func isAtEnd() -> Bool {
            self.skipSpace()
            return self.index == self.bytes.count
        }

        mutating func value(depth: Int) -> ReferenceJSON? {
            self.skipSpace()
            switch self.next {
            case UInt8(ascii: "{"): return depth < ReferenceJSON.maxDepth ? self.object(depth: depth + 1) : nil
            case UInt8(ascii: "["): return depth < ReferenceJSON.maxDepth ? self.array(depth: depth + 1) : nil
            case UInt8(ascii: "\""): return self.string().map { .string($0, text: Self.unescaped($0)) }
            case UInt8(ascii: "n"): return self.take("null") ? .null : nil
            case UInt8(ascii: "t"): return self.take("true") ? .boolean(true) : nil
            case UInt8(ascii: "f"): return self.take("false") ? .boolean(false) : nil
            default: return self.number().map { .number($0) }
            }
        }

        private mutating func object(depth: Int) -> ReferenceJSON? {
            var members: [(key: [UInt8], value: ReferenceJSON)] = []
            self.index += 1
            self.skipSpace()
            if self.take("}") { return .object(members) }
            while true {
                self.skipSpace()
                guard let key = self.string(), !members.contains(where: { $0.key == key }) else { return nil }
                self.skipSpace()
                guard self.take(":"), let value = self.value(depth: depth) else { return nil }
                members.append((key, value))
                self.skipSpace()
                if self.take("}") { return .object(members) }
                guard self.take(",") else { return nil }
            }
        }

        private mutating func array(depth: Int) -> ReferenceJSON? {
            var elements: [ReferenceJSON] = []
            self.index += 1
            self.skipSpace()
            if self.take("]") { return .array(elements) }
            while true {
                guard let value = self.value(depth: depth) else { return nil }
                elements.append(value)
                self.skipSpace()
                if self.take("]") { return .array(elements) }
                guard self.take(",") else { return nil }
            }
        }

        private mutating func string() -> [UInt8]? {
            guard self.take("\"") else { return nil }
            let start = self.index
            while let byte = self.next {
                switch byte {
                case UInt8(ascii: "\""):
                    self.index += 1
                    return Array(self.bytes[start..<self.index - 1])
                case UInt8(ascii: "\\"):
                    self.index += 1
                    guard let escape = self.next, "\"\\/bfnrtu".utf8.contains(escape) else { return nil }
                    self.index += 1
                    guard escape == UInt8(ascii: "u") else { continue }
                    for _ in 0..<4 {
                        guard let digit = self.next, Self.hex(digit) != nil else { return nil }
                        self.index += 1
                    }
                case ..<0x20: return nil
                default: self.index += 1
                }
            }
            return nil
        }

        private mutating func number() -> [UInt8]? {
            let start = self.index
            func digits(_ parser: inout Parser) -> Int {
                let before = parser.index
                while let byte = parser.next, (0x30...0x39).contains(byte) { parser.index += 1 }
                return parser.index - before
            }
            _ = self.take("-")
            if !self.take("0"), digits(&self) == 0 { return nil }
            if self.take("."), digits(&self) == 0 { return nil }
            if self.take("e") || self.take("E") {
                if !self.take("+") { _ = self.take("-") }
                if digits(&self) == 0 { return nil }
            }
            return Array(self.bytes[start..<self.index])
        }

        private static func hex(_ byte: UInt8) -> UInt16? {
            UInt16(String(decoding: [byte], as: UTF8.self), radix: 16)
        }

        /// Nil for bytes that are no UTF-8 and for halves of a surrogate pair.
        private static func unescaped(_ raw: [UInt8]) -> String? {
            var units: [UInt16] = []
            var plain: [UInt8] = []
            func flush() -> Bool {
                guard let text = String(validating: plain, as: UTF8.self) else { return false }
                units += Array(text.utf16)
                plain = []
                return true
            }
            var rest = raw[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                    plain.append(byte)
                    continue
                }
                guard flush() else { return nil }
                switch escape {
                case UInt8(ascii: "n"): units.append(0x0A)
                case UInt8(ascii: "t"): units.append(0x09)
                case UInt8(ascii: "r"): units.append(0x0D)
                case UInt8(ascii: "b"): units.append(0x08)
                case UInt8(ascii: "f"): units.append(0x0C)
                case UInt8(ascii: "u"):
                    units.append(rest.prefix(4).reduce(0) { $0 << 4 | (Self.hex($1) ?? 0) })
                    rest = rest.dropFirst(4)
                default: units.append(UInt16(escape))
                }
            }
            guard flush() else { return nil }
            return String(validating: units, as: UTF16.self)
        }
    }
}
