/// A parsed JSON document. Numbers keep their text, so nothing is lost on the way to fixed point.
indirect enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Nil when the bytes are not exactly one JSON document, are not UTF-8, or nest deeper than 32.
    init?(parsing bytes: [UInt8]) {
        var parser = JSONParser(bytes: bytes)
        guard let value = parser.document() else { return nil }
        self = value
    }

    subscript(_ key: String) -> JSONValue? {
        guard case .object(let fields) = self, let value = fields[key], value != .null else { return nil }
        return value
    }

    /// Text of a string or number.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    /// A whole number, written as number or string.
    var integer: Int64? { self.text.flatMap { Int64($0) } }

    /// A decimal in units, written as number or string.
    var units: Int64? { self.text.flatMap { Units.parse($0) } }

    /// A truth value; `1`, `0`, `"true"` and `"false"` count too.
    var bool: Bool? {
        switch self {
        case .bool(let value): value
        case .string("true"), .number("1"): true
        case .string("false"), .number("0"): false
        default: nil
        }
    }

    var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }
}

/// Recursive descent over bytes.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    var depth = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() -> JSONValue? {
        guard let value = self.value() else { return nil }
        self.skipSpace()
        return self.position == self.bytes.count ? value : nil
    }

    private var current: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func skipSpace() {
        while let byte = self.current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            self.position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipSpace()
        guard self.current == byte else { return false }
        self.position += 1
        return true
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) -> JSONValue? {
        for offset in 0..<text.utf8CodeUnitCount {
            guard self.current == text.utf8Start[offset] else { return nil }
            self.position += 1
        }
        return value
    }

    private mutating func value() -> JSONValue? {
        self.skipSpace()
        switch self.current {
        case UInt8(ascii: "{"): return self.nested { $0.object() }
        case UInt8(ascii: "["): return self.nested { $0.array() }
        case UInt8(ascii: "\""): return self.string().map { .string($0) }
        case UInt8(ascii: "t"): return self.word("true", .bool(true))
        case UInt8(ascii: "f"): return self.word("false", .bool(false))
        case UInt8(ascii: "n"): return self.word("null", .null)
        default: return self.number()
        }
    }

    private mutating func nested(_ body: (inout JSONParser) -> JSONValue?) -> JSONValue? {
        guard self.depth < 32 else { return nil }
        self.depth += 1
        defer { self.depth -= 1 }
        self.position += 1
        return body(&self)
    }

    private mutating func object() -> JSONValue? {
        var fields: [String: JSONValue] = [:]
        if self.take(UInt8(ascii: "}")) { return .object(fields) }
        repeat {
            self.skipSpace()
            guard let key = self.string(), self.take(UInt8(ascii: ":")), let value = self.value() else { return nil }
            fields[key] = value
        } while self.take(UInt8(ascii: ","))
        return self.take(UInt8(ascii: "}")) ? .object(fields) : nil
    }

    private mutating func array() -> JSONValue? {
        var values: [JSONValue] = []
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        repeat {
            guard let value = self.value() else { return nil }
            values.append(value)
        } while self.take(UInt8(ascii: ","))
        return self.take(UInt8(ascii: "]")) ? .array(values) : nil
    }

    private mutating func number() -> JSONValue? {
        let start = self.position
        var digits = 0
        while let byte = self.current {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): break
            default:
                return digits > 0 ? .number(String(decoding: self.bytes[start..<self.position], as: UTF8.self)) : nil
            }
            self.position += 1
        }
        return digits > 0 ? .number(String(decoding: self.bytes[start..<self.position], as: UTF8.self)) : nil
    }

    private mutating func string() -> String? {
        guard self.current == UInt8(ascii: "\"") else { return nil }
        self.position += 1
        var text: [UInt8] = []
        while let byte = self.current {
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard self.escape(into: &text) else { return nil }
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard let byte = self.current else { return false }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"):
            guard var code = self.hexadecimal() else { return false }
            if code & 0xFC00 == 0xD800 {
                // The second half of a surrogate pair must follow as an escape of its own.
                guard self.current == UInt8(ascii: "\\") else { return false }
                self.position += 1
                guard self.current == UInt8(ascii: "u") else { return false }
                self.position += 1
                guard let low = self.hexadecimal(), low & 0xFC00 == 0xDC00 else { return false }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: return false
        }
        return true
    }

    private mutating func hexadecimal() -> UInt32? {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            code = code << 4 | UInt32(digit)
            self.position += 1
        }
        return code
    }
}
