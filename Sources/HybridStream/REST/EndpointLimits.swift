/// How soon each account may call each endpoint again, by what the exchange's replies said.
///
/// The exchange counts calls per user, endpoint and second, and says after each how many are left. That number does not
/// include calls still under way, so no more of them are allowed at a time than were left. Endpoints with plenty left
/// are not remembered: the memory is bounded by those near their limit.
struct EndpointLimits: Sendable {
    struct Endpoint: Hashable, Sendable {
        /// Nil for public calls.
        var account: String?
        var path: String
    }

    private struct State {
        var blockedUntil = Uptime(nanoseconds: .min)
        var remaining: Int?
        var underWay = 0
    }

    /// No reply can block an endpoint for longer, whatever it says.
    static let maxPause: Duration = .seconds(60)
    /// The exchange's window, for a reply that says "none left" without saying until when.
    static let window: Duration = .seconds(1)
    /// With more calls left than this an endpoint is forgotten.
    static let plenty = 4
    /// More endpoints than this are not remembered.
    static let maxRemembered = 8192

    private var states: [Endpoint: State] = [:]

    var rememberedCount: Int { self.states.count }

    func isReady(_ endpoint: Endpoint, now: Uptime) -> Bool {
        guard let state = self.states[endpoint] else { return true }
        guard now >= state.blockedUntil else { return false }
        guard let remaining = state.remaining, state.underWay > 0 else { return true }
        return state.underWay < remaining
    }

    /// When it becomes ready by itself; nil if it is ready, or as soon as a call ends.
    func readyAt(_ endpoint: Endpoint, now: Uptime) -> Uptime? {
        guard let state = self.states[endpoint], now < state.blockedUntil else { return nil }
        return state.blockedUntil
    }

    mutating func began(_ endpoint: Endpoint) {
        self.states[endpoint, default: State()].underWay += 1
    }

    mutating func ended(_ endpoint: Endpoint, outcome: RateBudget.Outcome, now: Uptime) {
        guard var state = self.states[endpoint] else { return }
        state.underWay = max(0, state.underWay - 1)
        switch outcome {
        case .answered(let remaining, let resetsAt):
            state.remaining = remaining
            if let remaining, remaining <= 0 {
                Self.block(&state, until: resetsAt ?? now + Self.window, now: now)
            }
        case .limited(let resetsAt):
            let isAhead = resetsAt.map { $0 > now } ?? false
            Self.block(&state, until: isAhead ? resetsAt ?? now : now + RateBudget.defaultPause, now: now)
            // One at a time until a reply says that there is room again.
            state.remaining = 1
        case .overloaded, .banned, .failed:
            break
        }
        let isPlenty = (state.remaining ?? .max) > Self.plenty
        if state.underWay == 0, isPlenty, now >= state.blockedUntil {
            self.states[endpoint] = nil
        } else {
            self.states[endpoint] = state
        }
        if self.states.count > Self.maxRemembered {
            self.states = self.states.filter { $0.value.underWay > 0 || $0.value.blockedUntil > now }
        }
    }

    private static func block(_ state: inout State, until: Uptime, now: Uptime) {
        state.blockedUntil = max(state.blockedUntil, min(until, now + Self.maxPause))
    }
}
