import HybridStream
public import NIOCore

/// The answer to `GET /v1/actions` and `history --actions --output json`: actions in the order in which they were decided.
public struct ActionsReport: Sendable, Equatable {
    public static let schemaVersion = 1

    public var actions: [ActionRecord]

    public init(actions: [ActionRecord]) {
        self.actions = actions
    }

    /// - Parameter history: newest first, as the store tells them.
    public init(_ history: ActionHistory) {
        self.init(actions: history.actions.reversed())
    }

    /// One JSON object on one line, without a line feed. The keys of an action are those of its event, and more.
    public func json() -> ByteBuffer {
        let json = ReportWriter()
        json.raw("{\"schema_version\":").integer(ActionsReport.schemaVersion)
        json.raw(",\"actions\":").array(self.actions) { $0.write(to: $1) }
        json.raw("}")
        return json.buffer
    }
}

extension ActionRecord {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"time\":").string(Timestamp(milliseconds: self.createdTime).description)
        json.raw(",\"account\":").string(self.account)
        json.raw(",\"consumer\":").string(self.consumer)
        json.raw(",\"action\":").string(self.action)
        json.raw(",\"category\":").string(self.opening.key.category.rawValue)
        json.raw(",\"symbol\":").string(self.opening.key.symbol)
        json.raw(",\"position_idx\":").integer(self.opening.key.positionIndex)
        json.raw(",\"side\":").string(self.opening.side.rawValue)
        json.raw(",\"size\":").string(self.size.description)
        json.raw(",\"order_link_id\":").string(self.orderLinkID)
        json.raw(",\"params\":")
        ParameterText.write(self.parameters, to: json)
        json.raw(",\"attempt\":").integer(self.attempt)
        json.raw(",\"dry_run\":").boolean(self.isDryRun)
        json.raw(",\"outcome\":").string(self.outcome.rawValue)
        json.raw(",\"ret_code\":").integer(self.returnCode.map(Int64.init))
        json.raw(",\"text\":").string(self.text)
        json.raw(",\"updated_at\":").string(Timestamp(milliseconds: self.updatedTime).description)
        json.raw("}")
    }
}
