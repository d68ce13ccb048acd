import Foundation
import HybridStream
import Orchestrator
import Simulator

/// Knows what acting consumers did to the exchange, and says where they were not allowed to.
final class ActionOracle {
    private let time: VirtualTime
    private let exchange: VirtualExchange
    private let journal: VirtualJournal
    private let complain: (String) -> Void
    /// Somebody is to set a stop on every position.
    private let protects: Bool
    /// Rows of a private connection that seems to be well may be late or never come.
    private let losesRows: Bool
    private var nextFact = 0
    private var nextChange = 0
    /// What each order has closed, in units, and its last status.
    private var orders: [String: (filled: Int64, status: String, leg: VirtualExchange.Leg)] = [:]
    /// The stop of the holding that is open, and when that began.
    private var stops: [VirtualExchange.Leg: (openTime: Int64, side: String, stop: Int64)] = [:]
    /// When holdings were over, by when they began.
    private var ends: [VirtualExchange.Leg: [Int64: Int64]] = [:]
    private(set) var closings: [ChaosRun.Closing] = []
    private let start: Int64
    private(set) var orderCount = 0
    private(set) var stopCount = 0

    init(
        time: VirtualTime,
        exchange: VirtualExchange,
        journal: VirtualJournal,
        protects: Bool,
        losesRows: Bool,
        complain: @escaping (String) -> Void
    ) {
        self.time = time
        self.exchange = exchange
        self.journal = journal
        self.protects = protects
        self.losesRows = losesRows
        self.complain = complain
        self.start = time.exchangeTime
    }

    /// Looks at what has happened since the last call.
    func catchUp() {
        for fact in self.exchange.orders(since: self.nextFact) { self.judge(fact) }
        let (changes, next) = self.exchange.changes(since: self.nextFact)
        for change in changes { self.judge(change) }
        self.nextFact = next
    }

    private func judge(_ fact: VirtualExchange.OrderFact) {
        if self.orders[fact.link] == nil {
            self.orderCount += 1
            if !fact.isReduceOnly { self.complain("\(fact.link) is not reduce-only") }
            guard let record = self.journal.actions[fact.link] else {
                return self.complain("\(fact.link) was sent and is not in the journal")
            }
            if let committed = self.journal.committed[fact.link], committed > fact.time {
                self.complain("\(fact.link) was sent before it was in the journal")
            }
            if record.action != "close_position" || record.opening.key.symbol != fact.leg.symbol
                || record.opening.key.positionIndex != fact.leg.index || record.account != fact.leg.account
            {
                self.complain("\(fact.link) on \(fact.leg) was meant for \(record.account) \(record.opening.key)")
            }
            for (link, other) in self.orders where other.leg == fact.leg && !Self.isEnded(other.status) {
                self.complain("\(fact.link) was sent while \(link) is \(other.status)")
            }
        }
        let before = self.orders[fact.link]?.filled ?? 0
        if fact.filled > before, fact.openTime > 0, let opening = self.journal.actions[fact.link]?.opening,
            opening.openTime > 0, opening.openTime != fact.openTime,
            self.time.exchangeTime - fact.openTime > self.race
        {
            self.complain(
                "\(fact.link) was meant for the holding of \(opening.openTime), and hit that of \(fact.openTime)"
            )
        }
        if before == 0, fact.filled > 0 {
            self.closings.append(
                ChaosRun.Closing(
                    time: .milliseconds(fact.time - self.start),
                    symbol: fact.leg.symbol,
                    consumer: self.journal.actions[fact.link]?.consumer ?? "",
                    mark: FixedPoint(mantissa: Int128(fact.mark), scale: 8).normalized
                )
            )
        }
        self.orders[fact.link] = (fact.filled, fact.status, fact.leg)
    }

    /// A request may be on its way so long, and hit what was opened meanwhile; longer, if a connection can be dead before
    /// that is noticed.
    private var race: Int64 { self.losesRows ? 45_000 : 5_000 }

    private static func isEnded(_ status: String) -> Bool {
        !["New", "PartiallyFilled", "Untriggered", "Triggered"].contains(status)
    }

    /// Nobody but the client sets stops here, and it never moves one against the position.
    private func judge(_ change: VirtualExchange.Change) {
        let holding = change.holding
        if let before = self.stops[change.leg], !holding.isOpen || before.openTime != change.openTime {
            self.ends[change.leg, default: [:]][before.openTime] = change.time
        }
        guard holding.isOpen else {
            self.stops[change.leg] = nil
            return
        }
        defer { self.stops[change.leg] = (change.openTime, holding.side, holding.stopLoss) }
        guard let before = self.stops[change.leg], before.openTime == change.openTime, before.stop != holding.stopLoss
        else { return }
        self.stopCount += 1
        self.judgeStop(change)
        // One that was meant for the holding before it may hit a new one, and be put right.
        if change.time - change.openTime < 5_000 { return }
        let isBetter = holding.side == "Buy" ? holding.stopLoss > before.stop : holding.stopLoss < before.stop
        if before.stop != 0, holding.stopLoss == 0 || !isBetter {
            self.complain("\(change.leg): the stop went from \(before.stop) to \(holding.stopLoss)")
        }
    }

    /// Every stop that is set was asked for, with this price.
    private func judgeStop(_ change: VirtualExchange.Change) {
        let stop = FixedPoint(mantissa: Int128(change.holding.stopLoss), scale: 8)
        let isAskedFor = self.journal.actions.values.contains { record in
            record.account == change.leg.account && record.opening.key.symbol == change.leg.symbol
                && record.opening.key.positionIndex == change.leg.index && record.action == "set_stop"
                && record.parameters.contains { $0.name == "stop_loss" && FixedPoint($0.value) == stop }
        }
        if !isAskedFor { self.complain("\(change.leg): nobody asked for the stop \(stop)") }
    }

    /// A holding that is so old has been closed, or is trailing, or an alert says why not.
    private static let tooOld: Int64 = 130_000

    private func checkAge(_ client: VirtualClient) {
        guard self.protects else { return }
        for (leg, holding) in self.exchange.holdings() {
            guard let account = client.accounts.first(where: { $0.name == leg.account }),
                let reader = client.readers.first(where: { $0.account == leg.account }),
                let openTime = self.stops[leg]?.openTime, self.time.exchangeTime - openTime > Self.tooOld,
                holding.isOpen
            else { continue }
            let key = PositionKey(category: .linear, symbol: leg.symbol, positionIndex: leg.index)
            if account.executor?.report(key)?.trailing?.state == "active" { continue }
            if reader.unresolved.contains("aged_monitor_failed \(leg.symbol)") { continue }
            self.complain("\(leg) is \((self.time.exchangeTime - openTime) / 1_000) s old, and nobody closes it")
        }
    }

    /// What is on the disk of a holding is never less than what the client goes by: peak and phase survive.
    func checkMemory(_ client: VirtualClient) {
        for account in client.accounts {
            for record in self.journal.states(of: account.name) where record.consumer == TrailingStop.name {
                guard let report = account.executor?.report(record.opening.key), report.opening == record.opening,
                    let trailing = report.trailing
                else { continue }
                guard let stored = try? JSONDecoder().decode(TrailingStop.Memory.self, from: Data(record.state.utf8))
                else {
                    self.complain("\(account.name) \(record.opening.key): the state \(record.state) cannot be read")
                    continue
                }
                // Before it is active a new entry begins a new peak.
                guard stored.state != .waiting, let peak = stored.peak else { continue }
                let isKept = trailing.peak.map { record.opening.side == .buy ? $0 >= peak : $0 <= peak } ?? false
                if trailing.state == "waiting" || !isKept {
                    self.complain("\(account.name) \(record.opening.key): \(trailing), and the store has \(stored)")
                }
            }
        }
    }

    /// All is mended, and time enough has passed.
    func checkQuiet(_ client: VirtualClient) {
        self.catchUp()
        for record in self.journal.actions.values.sorted(by: { $0.orderLinkID < $1.orderLinkID }) {
            self.check(record)
        }
        for account in client.accounts {
            guard let executor = account.executor else { continue }
            for action in executor.actionsUnderWay where self.time.exchangeTime - action.created > 20_000 {
                self.complain("\(action.id) is still under way")
            }
        }
        self.checkAge(client)
        guard self.protects else { return }
        for (leg, holding) in self.exchange.holdings() where holding.stopLoss == 0 {
            self.complain("\(leg) has no stop")
        }
    }

    private func check(_ record: ActionRecord) {
        let isOld = self.time.exchangeTime - record.createdTime > 40_000
        if !record.isFinished, record.action == "close_position", isOld {
            return self.complain("\(record.orderLinkID) ends as \(record.outcome.rawValue): \(record.text)")
        }
        guard record.action == "close_position", record.isFinished else { return }
        let filled = self.orders[record.orderLinkID]?.filled ?? 0
        switch record.outcome {
        case .done where filled == 0 && record.returnCode != 110017 && !self.wasClosedBefore(record):
            self.complain("\(record.orderLinkID) is done, and closed nothing: \(record.text)")
        case .rejected where filled > 0:
            self.complain("\(record.orderLinkID) is rejected, and closed \(filled): \(record.text)")
        default: break
        }
    }

    /// Whether the holding was closed by something else, its stop or its owner, before the action was called done: an
    /// order that the exchange has accepted may come too late as well.
    private func wasClosedBefore(_ record: ActionRecord) -> Bool {
        let leg = VirtualExchange.Leg(record.account, record.opening.key)
        guard let done = self.journal.finished[record.orderLinkID], let ends = self.ends[leg] else { return false }
        if record.opening.openTime > 0 { return ends[record.opening.openTime].map { $0 <= done } ?? false }
        return ends.contains { $0.value >= record.opening.firstSeen && $0.value <= done }
    }
}
