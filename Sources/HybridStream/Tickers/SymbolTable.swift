/// Gives each symbol a small number, its slot, and finds it again from the bytes of a frame without allocating.
///
/// Slots are never given back: the exchange lists some hundreds of symbols.
public struct SymbolTable: Sendable {
    public private(set) var symbols: [String] = []
    private var bytes: [[UInt8]] = []
    /// Open addressing with linear probing; -1 is free. Never more than half full.
    private var buckets: [Int32] = Array(repeating: -1, count: 64)

    public init() {}

    public var count: Int { self.symbols.count }

    public func slot(of symbol: String) -> Int? {
        var copy = symbol
        return copy.withUTF8 { self.slot(of: UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    public func slot(of name: UnsafeRawBufferPointer) -> Int? {
        let mask = self.buckets.count &- 1
        var bucket = Self.hash(name) & mask
        while true {
            let slot = Int(self.buckets[bucket])
            if slot < 0 { return nil }
            if self.matches(slot, name) { return slot }
            bucket = (bucket &+ 1) & mask
        }
    }

    public mutating func insert(_ symbol: String) -> Int {
        if let slot = self.slot(of: symbol) { return slot }
        let slot = self.symbols.count
        self.symbols.append(symbol)
        self.bytes.append(Array(symbol.utf8))
        if self.symbols.count * 2 > self.buckets.count {
            self.buckets = Array(repeating: -1, count: self.buckets.count * 2)
            for existing in 0..<slot { self.place(existing) }
        }
        self.place(slot)
        return slot
    }

    private mutating func place(_ slot: Int) {
        let mask = self.buckets.count - 1
        var bucket = self.bytes[slot].withUnsafeBytes { Self.hash($0) } & mask
        while self.buckets[bucket] >= 0 { bucket = (bucket + 1) & mask }
        self.buckets[bucket] = Int32(slot)
    }

    @inline(__always)
    private func matches(_ slot: Int, _ name: UnsafeRawBufferPointer) -> Bool {
        let known = self.bytes[slot]
        guard known.count == name.count else { return false }
        return known.withUnsafeBytes { left in
            var at = 0
            while at < left.count {
                if left[at] != name[at] { return false }
                at &+= 1
            }
            return true
        }
    }

    /// FNV-1a; symbols are short and come from the exchange, so nothing stronger is needed.
    @inline(__always)
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash &>> 29) & 0x7FFF_FFFF)
    }
}
