/// A tolerant pull reader over the bytes of one JSON document.
///
/// It allocates nothing and keeps every scalar as the wire wrote it, so a number that arrives where a string is
/// documented (or the other way round) reads the same. It never reads outside its buffer, refuses nesting deeper than
/// ``maxDepth``, and checks the syntax of what it passes over only as far as needed to find its end.
///
/// The buffer must outlive the reader.
public struct JSONReader {
    /// The first thing that was not JSON.
    public enum Failure: Error, Equatable {
        case unexpectedEnd
        case unexpectedByte(at: Int)
        case tooDeep
    }

    /// Deeper documents are refused; the exchange's go to five.
    public static let maxDepth = 32

    private let base: UnsafePointer<UInt8>
    private let count: Int
    private var index = 0
    private var depth = 0

    /// Nil for an empty buffer.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return nil }
        self.base = start.assumingMemoryBound(to: UInt8.self)
        self.count = bytes.count
    }

    /// Visits the members of the object that comes next. What `body` does not read is skipped. A `null` has no members.
    public mutating func forEachMember(_ body: (JSONSlice, inout JSONReader) throws -> Void) throws {
        if try self.skipNull() { return }
        try self.open(UInt8(ascii: "{"))
        if try self.closes(with: UInt8(ascii: "}")) { return }
        while true {
            let key = try self.readString()
            try self.expect(UInt8(ascii: ":"))
            let before = try self.peekIndex()
            try body(key, &self)
            if self.index == before { try self.skipValue() }
            if try self.ends(with: UInt8(ascii: "}")) { return }
        }
    }

    /// Visits the elements of the array that comes next. What `body` does not read is skipped. A `null` has none.
    public mutating func forEachElement(_ body: (inout JSONReader) throws -> Void) throws {
        if try self.skipNull() { return }
        try self.open(UInt8(ascii: "["))
        if try self.closes(with: UInt8(ascii: "]")) { return }
        while true {
            let before = try self.peekIndex()
            try body(&self)
            if self.index == before { try self.skipValue() }
            if try self.ends(with: UInt8(ascii: "]")) { return }
        }
    }

    /// The scalar that comes next: a string without its quotes, or the text of a number, `true`, `false` or `null`.
    /// Nil if an object or array comes next (it is skipped).
    public mutating func readScalar() throws -> JSONSlice? {
        switch try self.peek() {
        case UInt8(ascii: "\""):
            return try self.readString()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try self.skipValue()
            return nil
        default:
            return try self.readBareword()
        }
    }

    /// Whether ``forEachMember(_:)`` can read what comes next: an object or `null`.
    public mutating func nextIsObject() throws -> Bool {
        let byte = try self.peek()
        return byte == UInt8(ascii: "{") || byte == UInt8(ascii: "n")
    }

    /// Passes over the value that comes next, whatever it is.
    public mutating func skipValue() throws {
        var level = 0
        repeat {
            switch try self.peek() {
            case UInt8(ascii: "\""):
                _ = try self.readString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                level += 1
                if self.depth + level > Self.maxDepth { throw Failure.tooDeep }
                self.index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if level == 0 { throw Failure.unexpectedByte(at: self.index) }
                level -= 1
                self.index += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                if level == 0 { throw Failure.unexpectedByte(at: self.index) }
                self.index += 1
            default:
                _ = try self.readBareword()
            }
        } while level > 0
    }

    /// Throws unless only white space is left.
    public mutating func expectEnd() throws {
        self.skipSpace()
        if self.index < self.count { throw Failure.unexpectedByte(at: self.index) }
    }
}

extension JSONReader {
    private mutating func skipSpace() {
        while self.index < self.count {
            switch self.base[self.index] {
            case 0x20, 0x09, 0x0A, 0x0D: self.index += 1
            default: return
            }
        }
    }

    private mutating func peek() throws -> UInt8 {
        self.skipSpace()
        guard self.index < self.count else { throw Failure.unexpectedEnd }
        return self.base[self.index]
    }

    private mutating func peekIndex() throws -> Int {
        _ = try self.peek()
        return self.index
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard try self.peek() == byte else { throw Failure.unexpectedByte(at: self.index) }
        self.index += 1
    }

    private mutating func open(_ byte: UInt8) throws {
        try self.expect(byte)
        self.depth += 1
        if self.depth > Self.maxDepth { throw Failure.tooDeep }
    }

    private mutating func closes(with byte: UInt8) throws -> Bool {
        guard try self.peek() == byte else { return false }
        self.index += 1
        self.depth -= 1
        return true
    }

    /// After a member or element: a comma goes on, the closing byte ends.
    private mutating func ends(with byte: UInt8) throws -> Bool {
        if try self.peek() == UInt8(ascii: ",") {
            self.index += 1
            return false
        }
        try self.expect(byte)
        self.depth -= 1
        return true
    }

    private mutating func skipNull() throws -> Bool {
        guard try self.peek() == UInt8(ascii: "n") else { return false }
        let word = try self.readBareword()
        if word == "null" { return true }
        throw Failure.unexpectedByte(at: self.index)
    }

    private mutating func readString() throws -> JSONSlice {
        try self.expect(UInt8(ascii: "\""))
        let start = self.index
        var escaped = false
        while self.index < self.count {
            switch self.base[self.index] {
            case UInt8(ascii: "\""):
                let slice = JSONSlice(
                    bytes: UnsafeRawBufferPointer(start: self.base + start, count: self.index - start),
                    kind: escaped ? .escapedString : .string
                )
                self.index += 1
                return slice
            case UInt8(ascii: "\\"):
                escaped = true
                self.index += 2
            default:
                self.index += 1
            }
        }
        throw Failure.unexpectedEnd
    }

    private mutating func readBareword() throws -> JSONSlice {
        let start = self.index
        scan: while self.index < self.count {
            switch self.base[self.index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
                self.index += 1
            default:
                break scan
            }
        }
        if self.index == start { throw Failure.unexpectedByte(at: start) }
        return JSONSlice(
            bytes: UnsafeRawBufferPointer(start: self.base + start, count: self.index - start),
            kind: .bareword
        )
    }
}
