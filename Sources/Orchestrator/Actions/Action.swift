public import HybridStream

/// What a consumer wants done on the exchange, under the identity by which it is journalled, sent and looked up.
public struct Action: Sendable, Hashable {
    /// The `orderLinkId`. A stop has none on the exchange; there it is only the journal's key.
    public let id: String
    public let seat: ConsumerSeat
    public let opening: Opening
    public let intent: Intent
    /// The size of the position when it was decided: what a close covers.
    public let size: FixedPoint
    /// Counts the consumer's actions for the opening, from 1.
    public let attempt: Int
    public let isDryRun: Bool
    /// Milliseconds since 1970.
    public let created: Int64

    public init(
        id: String,
        seat: ConsumerSeat,
        opening: Opening,
        intent: Intent,
        size: FixedPoint,
        attempt: Int,
        isDryRun: Bool,
        created: Int64
    ) {
        self.id = id
        self.seat = seat
        self.opening = opening
        self.intent = intent
        self.size = size
        self.attempt = attempt
        self.isDryRun = isDryRun
        self.created = created
    }

    /// `set_stop`, `set_trailing_stop` or `close_position`.
    public var name: String {
        switch self.intent {
        case .setStop: "set_stop"
        case .setTrailingStop: "set_trailing_stop"
        case .closePosition: "close_position"
        }
    }

    /// As events and the journal show them.
    public var parameters: [PipelineEvent.Action.Parameter] {
        switch self.intent {
        case .setStop(let price, let trigger):
            [.init("stop_loss", price.description), .init("trigger_by", trigger.rawValue)]
        case .setTrailingStop(let distance, let activation, let trigger):
            [
                .init("trailing_stop", distance.description), .init("activation_price", activation.description),
                .init("trigger_by", trigger.rawValue),
            ]
        case .closePosition(.market):
            [.init("type", "market"), .init("side", self.closingSide.rawValue), .init("qty", self.size.description)]
        case .closePosition(.limit(let price)):
            [
                .init("type", "limit"), .init("side", self.closingSide.rawValue), .init("qty", self.size.description),
                .init("price", price.description),
            ]
        }
    }

    /// The side of an order that closes the position.
    public var closingSide: Side { self.opening.side == .sell ? .buy : .sell }

    /// The event that tells of it.
    func event(
        _ outcome: PipelineEvent.Action.Outcome,
        code: Int?,
        text: String,
        refusal: PipelineEvent.Action.Refusal? = nil
    ) -> PipelineEvent {
        .action(
            PipelineEvent.Action(
                consumer: self.seat.name,
                action: self.name,
                symbol: self.opening.key.symbol,
                positionIndex: self.opening.key.positionIndex,
                orderLinkID: self.id,
                parameters: self.parameters,
                dryRun: self.isDryRun,
                outcome: outcome,
                returnCode: code,
                text: text,
                refusal: refusal
            )
        )
    }
}

extension PipelineEvent.Action.Refusal {
    /// Nil for what is no refusal.
    init?(_ outcome: IntentOutcome) {
        switch outcome {
        case .refused(let isRateLimit): self = isRateLimit ? .rateLimit : .again
        case .impossible: self = .impossible
        case .accepted, .leftover: return nil
        }
    }

    /// What the consumer that had asked was told.
    var outcome: IntentOutcome {
        switch self {
        case .again: .refused(isRateLimit: false)
        case .rateLimit: .refused(isRateLimit: true)
        case .impossible: .impossible
        }
    }
}
