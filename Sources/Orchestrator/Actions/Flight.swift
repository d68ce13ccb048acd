import HybridStream

/// An action under way, from the decision until the exchange's word is certain.
struct Flight: Sendable {
    enum Phase: Sendable, Equatable {
        /// Being written into the journal; nothing has left.
        case journalling
        /// Sent; no answer yet.
        case sent
        /// It may have been carried out: being looked up.
        case lookingUp
        /// Waits before the next look.
        case beforeLookUp
        /// Waits before it is sent again under the same id.
        case beforeResend
        /// About to be sent without certainty that the position is still the one it is meant for: that is being asked.
        case verifying
        /// A close that the exchange has accepted: the position's row will tell.
        case accepted
        /// Its order is at its end; only the row is awaited.
        case ended(FixedPoint)
    }

    let action: Action
    var phase: Phase
    /// Looks and sendings so far, for the pauses between them.
    var looks = 0
    var sendings = 0
    /// Attempts to see whether the position is still the one it is meant for.
    var verifications = 0
    /// When the last of them was asked for.
    var verifying = Uptime.distantPast
    var deadline: Uptime?
    /// When the exchange accepted it.
    var accepted: Uptime?
    /// The exchange answered the last sending, so none is on its way any more.
    var wasAnswered = false
    var isRateLimited = false
    /// The exchange said that it knows the id, whatever its listings say.
    var isKnown = false
    /// What was said last.
    var code: Int?
    var text = ""
    /// `unknown` was told.
    var wasDoubted = false
    /// Left by a process that died: until this instant a request of its may still arrive.
    var inheritedUntil: Uptime?

    init(_ action: Action, phase: Phase) {
        self.action = action
        self.phase = phase
    }

    /// Sent this often under one id; then it is given up, and the consumer decides anew.
    static let mostSendings = 5
    /// What was decided so long ago that the position could not be seen in so many attempts is decided anew.
    static let mostVerifications = 5
    /// An accepted close is looked up when the row has not come after this.
    static let patience = Duration.seconds(2)
    /// The position is still there so long after its order was filled: it must have grown meanwhile.
    static let rowPatience = Duration.seconds(30)
    /// The exchange said that there is nothing to close, and the position is still there after this.
    static let flatPatience = Duration.seconds(10)
    /// What a look showed is not relied on when it took longer.
    static let verificationPatience = Duration.seconds(2)
    /// Looks that fail in a row before an operator is told.
    static let looksBeforeAlert = 5
    /// A request of a process that died has arrived by then, or never will.
    /// The exchange takes it for five seconds, and one more for clocks that differ; the rest is the network's.
    static let inheritance = Duration.seconds(7)

    /// 0.3, 0.7, 1.5 and then every 5 seconds.
    static func pause(_ attempt: Int) -> Duration {
        switch attempt {
        case ...1: .milliseconds(300)
        case 2: .milliseconds(700)
        case 3: .milliseconds(1_500)
        default: .seconds(5)
        }
    }
}
