import HybridStream

/// Makes the `orderLinkId` of an action: the same for the same intent, also after a restart, and never the same for another.
///
/// The exchange takes at most 36 of `[A-Za-z0-9-_]` and refuses an id that it has seen before, for good.
/// Source: https://bybit-exchange.github.io/docs/v5/order/create-order
enum OrderLink {
    /// Like `bt-3k7q0mzv5cxn8d2f-4`: the consumer, 80 bits of the account and the holding, and the attempt.
    static func make(account: String, opening: Opening, seat: ConsumerSeat, attempt: Int) -> String {
        let key = opening.key
        let text =
            "\(account)|\(key.category.rawValue)|\(key.symbol)|\(key.positionIndex)|\(opening.side.rawValue)|"
            + "\(opening.began)|\(opening.n)"
        return "b\(seat.letter)-\(self.digest(text))-\(attempt)"
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")

    /// FNV-1a of 128 bits, the upper 80 of them in Crockford's base 32.
    private static func digest(_ text: String) -> String {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in text.utf8 {
            hash ^= UInt128(byte)
            hash = hash &* 0x0000_0000_0100_0000_0000_0000_0000_013B
        }
        // The last bytes have reached only some of the upper bits.
        hash ^= hash >> 64
        hash = hash &* 0x0000_0000_0100_0000_0000_0000_0000_013B
        return String(
            (0..<16).map { Self.alphabet[Int(truncatingIfNeeded: (hash >> UInt128(123 - 5 * $0)) & 31)] }
        )
    }
}
