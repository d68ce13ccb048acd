/// A listing of an account's positions to its last page, or as much of it as could be had.
public struct PositionSweep: Sendable {
    /// Every row that could be read.
    public var rows: [Position]
    /// Why other rows could not be read, in words.
    public var refused: [String]
    /// All pages of all settle coins came and every row could be read: what is absent is flat. If false, the rows are
    /// still good but absence means nothing.
    public var isComplete: Bool
    /// Before the first request left. Private events that came later are newer than
    /// this sweep.
    public var requestedUptime: Uptime
    /// When the last reply had come.
    public var completedUptime: Uptime
    /// The exchange's time of the first reply, in milliseconds since 1970; 0 if none came.
    public var serverTime: Int64
    /// The first thing that went wrong; nil if all pages came.
    public var failure: RESTError?
}

/// Puts a sweep together from its pages.
struct PositionSweeper: Sendable {
    /// The most rows the exchange sends on a page.
    static let pageLimit = 200

    let category: Category
    private let settleCoins: [String?]
    private var coinIndex = 0
    private var paging = Paging(limit: Self.pageLimit)
    private var sweep: PositionSweep
    private var hasReply = false

    /// - Parameter settleCoins: what a linear sweep covers. Inverse positions are listed as a whole.
    init(category: Category, settleCoins: [String], now: Uptime) {
        self.category = category
        var coins: [String] = []
        for coin in settleCoins where !coins.contains(coin) { coins.append(coin) }
        self.settleCoins = category == .inverse ? [nil] : coins.map { $0 }
        self.sweep = PositionSweep(
            rows: [],
            refused: [],
            isComplete: false,
            requestedUptime: now,
            completedUptime: now,
            serverTime: 0,
            failure: nil
        )
        if self.settleCoins.isEmpty {
            self.sweep.failure = RESTError(.parameter, message: "a sweep of linear positions needs a settle coin")
        }
    }

    /// The query of the next request; nil at the end.
    var nextQuery: [(name: String, value: String)]? {
        guard self.coinIndex < self.settleCoins.count else { return nil }
        var query = [(name: "category", value: self.category.rawValue)]
        if let coin = self.settleCoins[self.coinIndex] { query.append(("settleCoin", coin)) }
        query.append(("limit", "\(Self.pageLimit)"))
        if !self.paging.cursor.isEmpty { query.append(("cursor", self.paging.cursor)) }
        return query
    }

    /// A page has come.
    mutating func received(_ reply: RESTReply, sent: Uptime, at now: Uptime, serverMilliseconds: Int64) {
        if !self.hasReply {
            self.hasReply = true
            self.sweep.requestedUptime = sent
            self.sweep.serverTime = serverMilliseconds
        }
        self.sweep.completedUptime = now
        var rows: [Position] = []
        var refused: [String] = []
        do {
            let page = try reply.readResult { reader in
                try Listing.read(from: &reader) { reader in
                    switch try PositionRow.read(from: &reader, category: self.category) {
                    case .success(let position): rows.append(position)
                    case .failure(let refusal): refused.append(Redaction.clean("\(refusal)"))
                    }
                }
            }
            // A broken page contributes nothing: how far it can be trusted is unknown.
            self.sweep.rows += rows
            self.sweep.refused += refused
            try self.paging.received(page)
            if self.paging.isComplete { self.nextCoin() }
        } catch {
            self.failed(error, at: now)
        }
    }

    /// The request failed for good. The other settle coins are still listed, unless they would fail the same way.
    mutating func failed(_ error: RESTError, at now: Uptime) {
        self.sweep.completedUptime = now
        if self.sweep.failure == nil { self.sweep.failure = error }
        let isHopeless = error.isPermanentForAccount || [.cancelled, .banned, .permission].contains(error.category)
        if isHopeless { self.coinIndex = self.settleCoins.count } else { self.nextCoin() }
    }

    var result: PositionSweep {
        var sweep = self.sweep
        sweep.isComplete =
            sweep.failure == nil && sweep.refused.isEmpty && self.hasReply && self.coinIndex == self.settleCoins.count
        return sweep
    }

    private mutating func nextCoin() {
        self.coinIndex += 1
        self.paging = Paging(limit: Self.pageLimit)
    }
}
