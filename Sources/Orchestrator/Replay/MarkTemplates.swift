import Glibc
import HybridStream

/// Recognises the marks of a recording by what is the same in all marks of a position: nearly all bytes of a line.
///
/// A line is `prefix n head mark "unrealized_pnl" tail stale … }`, see ``PositionLine``. Prefix, head and tail of a line that
/// was read in full are kept where they are in the recording; a line with the same ones needs only its numbers read. What
/// does not look just like that is read in full.
struct MarkTemplates {
    /// What changes from mark to mark.
    struct Match {
        var account: Int
        var slot: Int
        var n: Int64
        var mark: FixedPoint
        var conflated: Int
        var seq: Int64
        var exchangeTime: Int64
        /// Where the next line begins.
        var end: UnsafePointer<UInt8>
    }

    private struct Template {
        var account: Int
        var slot: Int
        var prefix: UnsafeRawBufferPointer
        var head: UnsafeRawBufferPointer
        var tail: UnsafeRawBufferPointer
        /// More bytes than any line of this template has.
        var bound: Int
        /// The template of the line that came after this one the last time: positions tend to come in turn.
        var next = 0
        /// Another one with the same key.
        var sibling: Int?
    }

    private var templates: ContiguousArray<Template> = []
    private var firsts: [UInt64: Int] = [:]
    private var last = 0

    /// Room for all numbers and keys that are in no template.
    private static let numbersBound = 400
    private static let longestPrice = 20

    /// - Returns: nil if the line has to be read in full.
    @inline(__always)
    mutating func match(_ line: UnsafePointer<UInt8>, _ room: Int) -> Match? {
        if self.templates.isEmpty { return nil }
        let likely = self.templates[self.last].next
        if let match = Self.match(line, room, self.templates[likely]) {
            self.last = likely
            return match
        }
        return self.search(line, room)
    }

    @inline(never)
    private mutating func search(_ line: UnsafePointer<UInt8>, _ room: Int) -> Match? {
        guard let key = Self.key(line, room), var index = self.firsts[key] else { return nil }
        while true {
            if let match = Self.match(line, room, self.templates[index]) {
                self.templates[self.last].next = index
                self.last = index
                return match
            }
            guard let sibling = self.templates[index].sibling else { return nil }
            index = sibling
        }
    }

    /// Keeps what is the same in all marks of a position.
    /// - Parameter read: the same line, read in full.
    mutating func learn(_ line: UnsafeRawBufferPointer, _ read: RecordedLine, account: Int, slot: Int) {
        guard let start = line.baseAddress?.assumingMemoryBound(to: UInt8.self), let mark = read.mark,
            let template = Self.template(line, account: account, slot: slot),
            let key = Self.key(start, line.count),
            let match = Self.match(start, line.count + 1 + template.bound, template, length: line.count),
            match.n == read.n, match.mark == mark, match.mark.scale == mark.scale, match.seq == read.seq,
            match.exchangeTime == read.exchangeTime, match.conflated == read.conflated, !read.isStale
        else { return }
        var known = self.firsts[key]
        while let index = known {
            if self.templates[index].account == account, self.templates[index].slot == slot {
                let (next, sibling) = (self.templates[index].next, self.templates[index].sibling)
                self.templates[index] = template
                self.templates[index].next = next
                self.templates[index].sibling = sibling
                return self.follow(index)
            }
            known = self.templates[index].sibling
        }
        self.templates.append(template)
        let index = self.templates.count - 1
        self.templates[index].sibling = self.firsts.updateValue(index, forKey: key)
        self.follow(index)
    }

    private mutating func follow(_ index: Int) {
        self.templates[self.last].next = index
        self.last = index
    }

    // MARK: Lines

    private static func template(_ line: UnsafeRawBufferPointer, account: Int, slot: Int) -> Template? {
        guard let number = Self.find(",\"n\":", in: line, from: 0) else { return nil }
        var headStart = number
        while headStart < line.count, line[headStart] &- 48 < 10 { headStart += 1 }
        guard let price = Self.find("\"mark_price\":\"", in: line, from: headStart),
            let profit = Self.find("\"unrealized_pnl\":\"", in: line, from: price)
        else { return nil }
        var tailStart = profit
        while tailStart < line.count, line[tailStart] != UInt8(ascii: "\"") { tailStart += 1 }
        guard let tailEnd = Self.find("\"stale\":", in: line, from: tailStart) else { return nil }
        let prefix = UnsafeRawBufferPointer(rebasing: line[..<number])
        let head = UnsafeRawBufferPointer(rebasing: line[headStart..<price])
        let tail = UnsafeRawBufferPointer(rebasing: line[tailStart..<tailEnd])
        return Template(
            account: account,
            slot: slot,
            prefix: prefix,
            head: head,
            tail: tail,
            bound: prefix.count + head.count + tail.count + Self.numbersBound
        )
    }

    /// The index behind a word.
    private static func find(_ word: StaticString, in line: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = line.baseAddress else { return nil }
        let count = word.utf8CodeUnitCount
        var index = start
        while index + count <= line.count {
            if memcmp(base + index, word.utf8Start, count) == 0 { return index + count }
            index += 1
        }
        return nil
    }

    /// The same for all marks of a position, and mostly another for those of another one.
    private static func key(_ line: UnsafePointer<UInt8>, _ room: Int) -> UInt64? {
        let opening: StaticString = "{\"v\":1,\"event\":\"position.update\",\"account\":\""
        var index = opening.utf8CodeUnitCount
        // The longest name of an account, and all that is looked at behind it.
        guard room > index + 256, memcmp(line, opening.utf8Start, index) == 0 else { return nil }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        let end = index + 100
        while index < end, line[index] != UInt8(ascii: "\"") {
            hash = (hash ^ UInt64(line[index])) &* 0x100_0000_01B3
            index += 1
        }
        index += 6
        while index < end, line[index] &- 48 < 10 { index += 1 }
        // Symbol and leg lie within these bytes, whatever source and category are called.
        let window = UnsafeRawPointer(line + index + 56)
        for offset in stride(from: 0, to: 48, by: 8) {
            hash = (hash ^ window.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash
    }

    /// - Parameter length: of the line, where it is known and its line feed may be missing.
    @inline(__always)
    private static func match(
        _ line: UnsafePointer<UInt8>,
        _ room: Int,
        _ template: Template,
        length: Int = .max
    ) -> Match? {
        guard room >= template.bound, Self.begins(line, template.prefix) else { return nil }
        var at = line + template.prefix.count
        guard let n = Self.integer(&at), Self.begins(at, template.head) else { return nil }
        at += template.head.count
        guard let mark = Self.price(&at), Self.skip("\",\"unrealized_pnl\":\"", &at) else { return nil }
        // Computed from the others.
        let limit = at + 2 * Self.longestPrice
        while at < limit, at.pointee != UInt8(ascii: "\"") { at += 1 }
        guard Self.begins(at, template.tail) else { return nil }
        at += template.tail.count
        guard Self.skip("false,\"conflated\":", &at), let conflated = Self.integer(&at),
            Self.skip(",\"seq\":", &at), let seq = Self.integer(&at),
            Self.skip(",\"exchange_ts\":", &at), let exchangeTime = Self.integer(&at),
            Self.skip(",\"received_ts\":", &at), Self.integer(&at) != nil,
            Self.skip(",\"emitted_ts\":", &at), Self.integer(&at) != nil, at.pointee == UInt8(ascii: "}")
        else { return nil }
        at += 1
        if length == .max {
            guard at.pointee == UInt8(ascii: "\n") else { return nil }
        } else if at - line != length {
            return nil
        }
        return Match(
            account: template.account,
            slot: template.slot,
            n: n,
            mark: mark,
            conflated: Int(truncatingIfNeeded: conflated),
            seq: seq,
            exchangeTime: exchangeTime,
            end: at + 1
        )
    }

    @inline(__always)
    private static func begins(_ at: UnsafePointer<UInt8>, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return memcmp(at, start, bytes.count) == 0
    }

    @inline(__always)
    private static func skip(_ word: StaticString, _ at: inout UnsafePointer<UInt8>) -> Bool {
        guard memcmp(at, word.utf8Start, word.utf8CodeUnitCount) == 0 else { return false }
        at += word.utf8CodeUnitCount
        return true
    }

    /// At most 18 digits, without a sign.
    @inline(__always)
    private static func integer(_ at: inout UnsafePointer<UInt8>) -> Int64? {
        let start = at
        var value: Int64 = 0
        while true {
            let digit = at.pointee &- 48
            if digit >= 10 { break }
            value = value &* 10 &+ Int64(digit)
            at += 1
            if at - start > 18 { return nil }
        }
        return at == start ? nil : value
    }

    /// Digits with at most one point among them.
    @inline(__always)
    private static func price(_ at: inout UnsafePointer<UInt8>) -> FixedPoint? {
        let start = at
        var value: Int64 = 0
        var point: UnsafePointer<UInt8>?
        while true {
            let byte = at.pointee
            let digit = byte &- 48
            if digit < 10 {
                value = value &* 10 &+ Int64(digit)
            } else if byte == UInt8(ascii: "."), point == nil, at > start {
                point = at
            } else {
                break
            }
            at += 1
            if at - start > 18 { return nil }
        }
        guard at > start else { return nil }
        guard let point else { return FixedPoint(mantissa: Int128(value), scale: 0) }
        let scale = at - point - 1
        return scale > 0 ? FixedPoint(mantissa: Int128(value), scale: UInt8(truncatingIfNeeded: scale)) : nil
    }
}
