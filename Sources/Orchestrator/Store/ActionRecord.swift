public import HybridStream

/// A row of the journal of actions: what a consumer asked for, and what became of it.
public struct ActionRecord: Sendable, Equatable {
    public var account: String
    /// With the account it is the row's identity.
    public var orderLinkID: String
    /// As in the configuration: `trailing_stop` …
    public var consumer: String
    /// `set_stop`, `set_trailing_stop` or `close_position`.
    public var action: String
    public var opening: Opening
    /// The size of the position when it was decided.
    public var size: FixedPoint
    /// In the order in which they are shown; values keep the text in which they are sent.
    public var parameters: [PipelineEvent.Action.Parameter]
    public var isDryRun: Bool
    /// Counts the consumer's actions for the opening, from 1.
    public var attempt: Int
    public var outcome: PipelineEvent.Action.Outcome
    /// The exchange's `retCode`; nil while it has not answered.
    public var returnCode: Int?
    public var text: String
    /// When it was decided, in milliseconds since 1970.
    public var createdTime: Int64
    /// When the outcome was learned, in milliseconds since 1970.
    public var updatedTime: Int64

    public init(
        account: String,
        orderLinkID: String,
        consumer: String,
        action: String,
        opening: Opening,
        size: FixedPoint,
        parameters: [PipelineEvent.Action.Parameter],
        isDryRun: Bool,
        attempt: Int,
        outcome: PipelineEvent.Action.Outcome,
        returnCode: Int? = nil,
        text: String = "",
        createdTime: Int64,
        updatedTime: Int64
    ) {
        self.account = account
        self.orderLinkID = orderLinkID
        self.consumer = consumer
        self.action = action
        self.opening = opening
        self.size = size
        self.parameters = parameters
        self.isDryRun = isDryRun
        self.attempt = attempt
        self.outcome = outcome
        self.returnCode = returnCode
        self.text = text
        self.createdTime = createdTime
        self.updatedTime = updatedTime
    }

    /// Whether nothing more is to be learned of it. Of a dry run nothing was sent, so it is finished from the start.
    public var isFinished: Bool {
        if self.isDryRun { return true }
        switch self.outcome {
        case .done, .rejected: return true
        case .journalled, .accepted, .unknown: return false
        }
    }

    /// Takes over what a later word says: outcome, code, text and its time. What was asked for stays.
    mutating func update(with later: ActionRecord) {
        self.outcome = later.outcome
        self.returnCode = later.returnCode
        self.text = later.text
        self.updatedTime = later.updatedTime
    }
}
