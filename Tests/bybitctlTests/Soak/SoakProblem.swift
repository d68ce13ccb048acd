/// Something that the contract of the events does not allow.
struct SoakProblem: CustomStringConvertible {
    enum Kind: String, CaseIterable {
        /// A change that was never told, though the account could hear.
        case lost
        case doubled
        case outOfOrder = "out of order"
        /// Nothing of the kind happened.
        case invented
        case wrongCause = "wrong cause"
        /// Told while the position was flat for its reader.
        case afterClose = "after the close"
        /// A mark that the exchange did not publish, or that is older than the one before.
        case wrongMark = "wrong mark"
        case numbers
        /// News that came later than the limit.
        case late
        /// No sign of life for longer than the limit while marks moved.
        case unwatched
        /// The run itself: not healthy at the end, memory, an exit code.
        case run
    }

    let kind: Kind
    let time: Int64
    let place: String
    let text: String

    var description: String { "\(self.kind.rawValue): \(self.place) at \(self.time): \(self.text)" }
}
