/// What feeds an account's consumers, and what runs beside it.
public enum Drive: Sendable, Equatable {
    /// REST polling; nothing runs beside it.
    case rest
    /// REST polling; the stream runs beside it, and no consumer sees what it says.
    case beside
    /// The stream for `percent` of the symbols, REST polling for the others. REST is polled for all.
    case mixed(percent: Int)
    /// The stream; REST confirms it now and then.
    case hybrid

    /// Whether there is a private connection.
    public var hasStream: Bool { self != .rest }

    /// Whether REST is polled all the time.
    public var polls: Bool { self != .hybrid }

    /// Whether the stream has a book of its own, to compare with what REST says.
    public var isCompared: Bool { self.hasStream && self.polls }

    /// Whether the stream feeds the consumers in this symbol.
    public func streams(_ symbol: String) -> Bool {
        switch self {
        case .rest, .beside: false
        case .mixed(let percent): Self.isWithin(symbol, percent: percent)
        case .hybrid: true
        }
    }

    /// Whether some symbol that REST drives under `other` is the stream's here.
    func streamsMore(than other: Drive) -> Bool { self.share > other.share }

    /// Whether some symbol that the stream drives under `other` is REST's here.
    func streamsLess(than other: Drive) -> Bool { self.share < other.share }

    private var share: Int {
        switch self {
        case .rest, .beside: 0
        case .mixed(let percent): percent
        case .hybrid: 100
        }
    }

    var mode: AccountMachine.Mode {
        switch self {
        case .rest: .rest
        case .beside: .beside
        case .mixed: .mixed
        case .hybrid: .hybrid
        }
    }

    /// The same on every run and machine: FNV-1a, 64 bit. A symbol within a share is within every larger one.
    static func isWithin(_ symbol: String, percent: Int) -> Bool {
        if percent >= 100 { return true }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in symbol.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // The low bits of short names differ too little.
        hash ^= hash >> 32
        return hash % 100 < UInt64(max(0, percent))
    }
}
