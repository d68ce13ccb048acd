/// SplitMix64: small, fast, and the same on every machine for the same seed.
struct SeededRandom {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    /// A generator for a named purpose, independent of the others with the same seed.
    init(seed: UInt64, purpose: String) {
        self.state = seed ^ Self.hash(purpose)
        _ = self.next()
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(self.state)
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// FNV-1a over the text, mixed: a stable hash (Swift's own changes with every process).
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Self.mix(hash)
    }

    /// 0 ..< bound; 0 for a bound below one.
    mutating func below(_ bound: Int) -> Int {
        bound < 1 ? 0 : Int(self.next() % UInt64(bound))
    }

    /// `low ... high`.
    mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
        high <= low ? low : low + Int64(self.next() % UInt64(high - low + 1))
    }

    /// True `percent` times in a hundred.
    mutating func chance(_ percent: Int) -> Bool {
        self.below(100) < percent
    }

    /// A word over an alphabet.
    mutating func word(_ alphabet: [UInt8], _ length: Int) -> String {
        var bytes: [UInt8] = []
        for _ in 0..<length { bytes.append(alphabet[self.below(alphabet.count)]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A version 4 UUID, which is what order and execution ids look like.
    mutating func uuid() -> String {
        let high = self.next()
        let low = self.next()
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        for position in 0..<32 {
            if position == 8 || position == 12 || position == 16 || position == 20 { bytes.append(UInt8(ascii: "-")) }
            let word = position < 16 ? high : low
            var nibble = Int(word >> UInt64((15 - position % 16) * 4) & 15)
            if position == 12 { nibble = 4 }
            if position == 16 { nibble = 8 + nibble % 4 }
            bytes.append(digits[nibble])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
