/// What a `tickers.{symbol}` frame says, as far as anybody needs it.
///
/// A delta may leave out any field; one that is absent is unchanged. The frame is read in place, in one pass, without
/// allocating:
///
/// ```json
/// {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"86716.30","indexPrice":"86756.70"},
///  "cs":814547789569,"ts":1790134712383}
/// ```
/// Source: https://bybit-exchange.github.io/docs/v5/websocket/public/ticker
public struct TickerFrame {
    /// The symbol's bytes inside the frame; valid as long as the frame.
    public var symbol: UnsafeRawBufferPointer
    public var isSnapshot: Bool
    /// Nil if the frame does not carry it (or carries `""`).
    public var markPrice: FixedPoint?
    public var lastPrice: FixedPoint?
    /// Cross sequence: rises with every frame of a symbol.
    public var cs: Int64
    /// Milliseconds since 1970 at which the exchange made the frame.
    public var ts: Int64

    /// Nil if the frame is not a ticker's or cannot be read.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        if let frame = TickerFrame(fast: bytes) {
            self = frame
            return
        }
        guard let frame = TickerFrame(tolerant: bytes) else { return nil }
        self = frame
    }

    init(symbol: UnsafeRawBufferPointer, isSnapshot: Bool, cs: Int64, ts: Int64) {
        self.symbol = symbol
        self.isSnapshot = isSnapshot
        self.cs = cs
        self.ts = ts
    }
}

extension TickerFrame {
    /// Whether the frame begins like a ticker's; other frames need not try.
    public static func isLikely(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // `{"topic":"tickers.` is 18 bytes; two loads cover the first sixteen.
        guard bytes.count > 40, let base = bytes.baseAddress else { return false }
        return base.loadUnaligned(as: UInt64.self) == 0x2263_6970_6F74_227B
            && base.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == 0x7265_6B63_6974_223A
    }

    /// The layout the exchange really sends. Anything else is left to the tolerant reader.
    init?(fast bytes: UnsafeRawBufferPointer) {
        guard TickerFrame.isLikely(bytes), let raw = bytes.baseAddress else { return nil }
        let base = raw.assumingMemoryBound(to: UInt8.self)
        guard base[16] == UInt8(ascii: "s"), base[17] == UInt8(ascii: ".") else { return nil }
        let count = bytes.count

        // From the end: `},"cs":814547789569,"ts":1790134712383}`.
        var end = count &- 1
        guard base[end] == UInt8(ascii: "}") else { return nil }
        guard let ts = TickerFrame.integer(endingBefore: &end, in: base, key: UInt16(ascii: "t", "s")) else {
            return nil
        }
        guard base[end] == UInt8(ascii: ","),
            let cs = TickerFrame.integer(endingBefore: &end, in: base, key: UInt16(ascii: "c", "s")),
            base[end] == UInt8(ascii: ","), base[end &- 1] == UInt8(ascii: "}")
        else { return nil }
        end &-= 1

        // From the start: symbol, type, then the members of `data` until both prices are found.
        let symbolStart = 18
        guard let symbolEnd = TickerFrame.quote(in: raw, from: symbolStart, to: end), symbolEnd > symbolStart
        else { return nil }
        var at = symbolEnd &+ 1
        // `,"type":"delta","data":{` or `,"type":"snapshot","data":{`
        guard at &+ 28 < end, base[at] == UInt8(ascii: ","),
            raw.loadUnaligned(fromByteOffset: at &+ 1, as: UInt64.self) == 0x223A_2265_7079_7422
        else { return nil }
        at &+= 9
        let snapshot = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) == 0x746F_6873_7061_6E73
        guard
            snapshot
                || raw.loadUnaligned(fromByteOffset: at, as: UInt32.self) == 0x746C_6564
                    && base[at &+ 4] == UInt8(ascii: "a")
        else { return nil }
        at &+= snapshot ? 8 : 5
        // `","data":{`
        guard raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) == 0x2261_7461_6422_2C22,
            base[at &+ 8] == UInt8(ascii: ":"), base[at &+ 9] == UInt8(ascii: "{")
        else { return nil }
        at &+= 10

        self.init(
            symbol: UnsafeRawBufferPointer(start: raw + symbolStart, count: symbolEnd &- symbolStart),
            isSnapshot: snapshot,
            cs: cs,
            ts: ts
        )
        guard self.readPrices(raw, from: at, to: end) else { return nil }
    }

    /// Members of `data`, all of them strings. False if the layout is another.
    mutating func readPrices(_ raw: UnsafeRawPointer, from start: Int, to end: Int) -> Bool {
        let base = raw.assumingMemoryBound(to: UInt8.self)
        var at = start
        var missing = 2
        while at < end {
            guard base[at] == UInt8(ascii: "\""),
                let keyEnd = TickerFrame.quote(in: raw, from: at &+ 1, to: end),
                keyEnd &+ 3 <= end, base[keyEnd &+ 1] == UInt8(ascii: ":"), base[keyEnd &+ 2] == UInt8(ascii: "\"")
            else { return false }
            let valueStart = keyEnd &+ 3
            guard let valueEnd = TickerFrame.quote(in: raw, from: valueStart, to: end) else { return false }
            if keyEnd &- at == 10 {
                // Nine letters: the first eight in one load; both end in `Price`.
                let key = raw.loadUnaligned(fromByteOffset: at &+ 1, as: UInt64.self)
                if key == 0x6369_7250_6B72_616D || key == 0x6369_7250_7473_616C, base[keyEnd &- 1] == UInt8(ascii: "e")
                {
                    let text = UnsafeRawBufferPointer(start: raw + valueStart, count: valueEnd &- valueStart)
                    let price = FixedPoint(bytes: text)
                    if price == nil, text.count > 0 { return false }
                    if key == 0x6369_7250_6B72_616D { self.markPrice = price } else { self.lastPrice = price }
                    missing &-= 1
                    if missing == 0 { return true }
                }
            }
            at = valueEnd &+ 1
            if base[at] == UInt8(ascii: ",") { at &+= 1 } else { return at == end }
        }
        return false
    }

    /// Where the next quotation mark stands, eight bytes at a step.
    static func quote(in raw: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        var at = start
        while at &+ 8 <= end {
            // A byte that equals `"` becomes zero; the trick marks the lowest zero byte exactly.
            let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) ^ 0x2222_2222_2222_2222
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return at &+ zeros.trailingZeroBitCount &>> 3 }
            at &+= 8
        }
        while at <= end {
            if raw.load(fromByteOffset: at, as: UInt8.self) == UInt8(ascii: "\"") { return at }
            at &+= 1
        }
        return nil
    }

    /// Reads `"xs":digits` backwards from `end`, which is left on the byte before it.
    static func integer(endingBefore end: inout Int, in base: UnsafePointer<UInt8>, key: UInt16) -> Int64? {
        var at = end &- 1
        var value: Int64 = 0
        var power: Int64 = 1
        var digits = 0
        while at > 24 {
            let digit = base[at] &- UInt8(ascii: "0")
            if digit > 9 { break }
            value = value &+ Int64(digit) &* power
            power = power &* 10
            digits &+= 1
            at &-= 1
        }
        guard digits > 0, digits <= 18, at > 24, base[at] == UInt8(ascii: ":"), base[at &- 1] == UInt8(ascii: "\""),
            base[at &- 2] == UInt8(truncatingIfNeeded: key >> 8), base[at &- 3] == UInt8(truncatingIfNeeded: key),
            base[at &- 4] == UInt8(ascii: "\"")
        else { return nil }
        end = at &- 5
        return value
    }
}

extension TickerFrame {
    /// Any key order, white space, numbers for strings. Slower, and only for frames that look unusual.
    init?(tolerant bytes: UnsafeRawBufferPointer) {
        guard var reader = JSONReader(bytes) else { return nil }
        var topic: JSONSlice?
        var type: JSONSlice?
        var mark: FixedPoint?
        var last: FixedPoint?
        var cs: Int64 = 0
        var ts: Int64 = 0
        var broken = false
        do {
            try reader.forEachMember { key, value in
                switch key {
                case "topic": topic = try value.readScalar()
                case "type": type = try value.readScalar()
                case "cs": cs = try value.readScalar()?.integer ?? 0
                case "ts": ts = try value.readScalar()?.integer ?? 0
                case "data":
                    try value.forEachMember { key, value in
                        switch key {
                        case "markPrice": mark = try TickerFrame.price(&value, broken: &broken)
                        case "lastPrice": last = try TickerFrame.price(&value, broken: &broken)
                        default: try value.skipValue()
                        }
                    }
                default: try value.skipValue()
                }
            }
            try reader.expectEnd()
        } catch {
            return nil
        }
        guard !broken, let topic, topic.kind == .string, let type, topic.bytes.count > 8 else { return nil }
        let prefix: StaticString = "tickers."
        for index in 0..<8 where topic.bytes[index] != prefix.utf8Start[index] { return nil }
        let snapshot = type == "snapshot"
        guard snapshot || type == "delta" else { return nil }
        self.init(
            symbol: UnsafeRawBufferPointer(rebasing: topic.bytes[8...]),
            isSnapshot: snapshot,
            cs: cs,
            ts: ts
        )
        self.markPrice = mark
        self.lastPrice = last
    }

    private static func price(_ reader: inout JSONReader, broken: inout Bool) throws -> FixedPoint? {
        guard let scalar = try reader.readScalar() else {
            broken = true
            return nil
        }
        if scalar.bytes.isEmpty || scalar.isNull { return nil }
        let price = scalar.decimal
        if price == nil { broken = true }
        return price
    }
}

extension UInt16 {
    /// Two letters, the first in the low byte.
    init(ascii low: Unicode.Scalar, _ high: Unicode.Scalar) {
        self = UInt16(UInt8(ascii: low)) | UInt16(UInt8(ascii: high)) << 8
    }
}
