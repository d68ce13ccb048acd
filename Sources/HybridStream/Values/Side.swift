/// Bybit's word for the direction of a position; flat has none.
public enum Side: String, Sendable, Hashable {
    case buy = "Buy"
    case sell = "Sell"
    /// Flat. The wire says `""`, older feeds `"None"`.
    case none = ""
}
