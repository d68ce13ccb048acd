/// One line of the merged events, of any kind.
struct EventLine: Decodable {
    let v: Int
    let event: String
    let account: String
    let n: Int64
    let emittedTs: Int64
    // position.update
    let cause: String?
    let source: String?
    let category: String?
    let symbol: String?
    let positionIdx: Int?
    let side: String?
    let size: String?
    let positionAmt: String?
    let entryPrice: String?
    let markPrice: String?
    let unrealizedPnl: String?
    let leverage: String?
    let stopLoss: String?
    let takeProfit: String?
    let trailingStop: String?
    let stale: Bool?
    let conflated: Int?
    let seq: Int64?
    let exchangeTs: Int64?
    let receivedTs: Int64?
    // account.state
    let old: String?
    let new: String?
    let reason: String?
    // action
    let consumer: String?
    let action: String?
    let orderLinkId: String?
    let params: [String: String]?
    let dryRun: Bool?
    let outcome: String?
    let retCode: Int?
    // alert
    let code: String?
    let severity: String?
    let state: String?
    let text: String?
    // recovery
    let stream: String?
    let gapMs: Int64?
    let lost: Int?
    let restored: Int?
    let missing: [String]?
    let changes: Int?

    /// Symbol and leg.
    var key: String { "\(self.symbol ?? "") \(self.positionIdx ?? 0)" }

    var isLifecycle: Bool {
        ["opened", "increased", "reduced", "flipped", "amended", "closed"].contains(self.cause ?? "")
    }
}
