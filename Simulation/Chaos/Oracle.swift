import HybridStream
import Orchestrator
import Simulator

/// Knows the truth of the exchange, hears what the client tells, and says where the two do not fit.
///
/// What it expects follows from the contract of the events alone: each lifecycle event describes a state the exchange was
/// in, later than the one told before; a leg is opened before anything else is said of it and nothing is said after its
/// close; marks never go back.
final class Oracle: @unchecked Sendable {
    typealias Leg = VirtualExchange.Leg
    typealias Holding = VirtualExchange.Holding

    /// What the client has said of a leg.
    private struct Told {
        /// The place in the leg's history that the last lifecycle event described; -1 is before its beginning.
        var index = -1
        var isOpen = false
        var side = Side.none
        var size = FixedPoint.zero
        var cs: Int64 = .min
        var exchangeTime: Int64 = .min
        /// The newest mark came over REST.
        var isPolled = false
        /// Known from the store and not confirmed yet.
        var isRestored = false
        /// When it was opened or restored, by the virtual clock.
        var openedAt: Int64 = 0
    }

    private let time: VirtualTime
    private let exchange: VirtualExchange
    private var history: [Leg: [Holding]] = [:]
    /// When the leg's newest state began, by the virtual clock.
    private var changedAt: [Leg: Int64] = [:]
    private var nextFact = 0
    private var told: [Leg: Told] = [:]
    /// The newest number of an account's events, over all lives of the client.
    private var numbers: [String: Int64] = [:]
    /// When the exchange last put a ticker of the symbol on a connection.
    private var sentAt: [String: Int64] = [:]
    /// When it did so again after a pause.
    private var gapEnded: [String: Int64] = [:]
    private var garbledUntil: Int64 = 0
    /// Marks of the exchange, newest last.
    private var marks: [String: [(time: Int64, mark: Int64, listed: Int64)]] = [:]
    /// Marks in listings may be so many thousandths above the tickers'.
    var skew: Int64 = 0
    /// How often the consumer of an account is still to fail.
    var failures: [String: Int] = [:]
    private var heardAt: [String: Int64] = [:]
    /// Between two events of an account.
    private(set) var longestSilence: [String: Duration] = [:]

    private(set) var events = 0
    private(set) var lifecycleEvents = 0
    private(set) var violation: String?
    var onEvent: ((String) -> Void)?
    /// Told of each leg that the client says is open now.
    var onOpened: ((Leg) -> Void)?
    /// How long a change may stay untold to a healthy account.
    var longestUntold = Duration.zero
    /// A ticker may have been let go and taken again, which the events do not show; its silence counts anew then.
    var holdSlack = Duration.zero
    /// A private connection that is up tells every change, or nothing at all.
    var expectsRows = false
    /// How many private connections an account had opened, and at the newest change of a leg.
    private var connects: [String: Int] = [:]
    private var connectsAtChange: [Leg: Int] = [:]
    /// Since when an account is called healthy.
    private var healthySince: [String: Int64] = [:]
    /// Connections that kept a change to themselves, and until when they must have been given up.
    private var deaf: [String: (connects: Int, deadline: Int64)] = [:]

    init(time: VirtualTime, exchange: VirtualExchange) {
        self.time = time
        self.exchange = exchange
    }

    func complain(_ text: String) {
        if self.violation == nil { self.violation = "\(Self.text(self.time.seconds)) s: \(text)" }
    }

    static func text(_ seconds: Double) -> String {
        let milliseconds = Int(seconds * 1_000)
        let rest = "\(milliseconds % 1_000)"
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }

    // MARK: The exchange

    /// Takes note of what the exchange did since the last call.
    func catchUp() {
        if self.exchange.prematureRequests(since: self.nextFact) > 0 {
            self.complain("a request was sent before authentication was acknowledged")
        }
        let (changes, next) = self.exchange.changes(since: self.nextFact)
        self.nextFact = next
        for change in changes {
            // Settings of a flat leg are no part of a position's life.
            let last = self.history[change.leg]?.last
            if last == change.holding || !change.holding.isOpen && !(last?.isOpen ?? false) { continue }
            self.history[change.leg, default: []].append(change.holding)
            self.changedAt[change.leg] = self.time.nanoseconds
            self.connectsAtChange[change.leg] = self.connects[change.leg.account]
        }
    }

    func noteTicker(_ symbol: String) {
        let now = self.time.nanoseconds
        if let last = self.sentAt[symbol], now - last > Self.longestPause.nanoseconds { self.gapEnded[symbol] = now }
        self.sentAt[symbol] = now
    }

    /// Frames are damaged from now on, for so long.
    func garbled(for duration: Duration) {
        self.garbledUntil = max(self.garbledUntil, self.time.nanoseconds + duration.nanoseconds)
    }

    /// Between two tickers of a symbol that somebody is told of, two steps of the prices and a little more.
    private static let longestPause = Duration.milliseconds(1_500)

    /// Whether the marks of a symbol have not come, now or a moment ago: the exchange has kept them to itself, or frames
    /// were damaged. Whoever looks once a second at what two sweeps have found, a second apart, learns of it late. No
    /// network here holds a frame for as long.
    func wasSilent(_ symbol: String) -> Bool {
        let now = self.time.nanoseconds
        // A mark that was in a damaged frame comes again only when it changes.
        if now < self.garbledUntil + Self.tolerance.nanoseconds { return true }
        guard let last = self.sentAt[symbol], now - last <= Self.longestPause.nanoseconds else { return true }
        return self.gapEnded[symbol].map { now - $0 <= Self.tolerance.nanoseconds } ?? false
    }

    func noteMarks(_ symbols: [String]) {
        let now = self.time.nanoseconds
        for symbol in symbols {
            guard let mark = self.exchange.mark(symbol) else { continue }
            let listed = self.exchange.mark(symbol, skewedBy: self.skew) ?? mark
            if let last = self.marks[symbol]?.last, last.mark == mark, last.listed == listed { continue }
            self.marks[symbol, default: []].append((now, mark, listed))
        }
    }

    /// Whether the exchange showed this mark within the last `age`.
    private func wasShown(_ mark: FixedPoint, _ symbol: String, within age: Duration) -> Bool {
        let list = self.marks[symbol] ?? []
        let oldest = self.time.nanoseconds - age.nanoseconds
        for (place, entry) in list.enumerated().reversed() {
            if Self.decimal(entry.mark) == mark || Self.decimal(entry.listed) == mark { return true }
            // This one was already in force when the time began, so what was before it is too old.
            if entry.time < oldest, place < list.count { return false }
        }
        return list.isEmpty
    }

    static func decimal(_ units: Int64) -> FixedPoint { FixedPoint(mantissa: Int128(units), scale: 8) }

    private static func fits(_ holding: Holding, _ position: Position) -> Bool {
        guard holding.isOpen == position.isOpen else { return false }
        guard holding.isOpen else { return true }
        func isSame(_ text: String, _ units: Int64) -> Bool {
            text.isEmpty ? units == 0 : FixedPoint(text) == self.decimal(units)
        }
        return holding.side == position.side.rawValue && position.size == self.decimal(holding.size)
            && position.entryPrice == self.decimal(holding.entry) && isSame(position.stopLoss, holding.stopLoss)
            && isSame(position.takeProfit, holding.takeProfit) && isSame(position.trailingStop, holding.trailing)
            && FixedPoint(position.leverage) == FixedPoint(Int(holding.leverage))
    }

    // MARK: The client

    func observe(_ update: PositionUpdate, account: String) {
        self.events += 1
        self.heard(account)
        let key = update.position.key
        let leg = Leg(account, key)
        if let onEvent = self.onEvent {
            onEvent(
                "\(account) \(key.symbol)/\(key.positionIndex) \(update.cause) \(update.source) "
                    + "\(update.position.amount) @\(update.mark?.description ?? "-") seq \(update.seq)"
                    + (update.stale ? " stale" : "")
            )
        }
        self.checkProfit(update, leg)
        var told = self.told[leg] ?? Told()
        defer { self.told[leg] = told }
        if update.cause.isLifecycle {
            self.lifecycleEvents += 1
            self.catchUp()
            self.checkLifecycle(update, leg, &told)
        } else {
            self.checkMark(update, leg, &told)
        }
    }

    private func heard(_ account: String) {
        let now = self.time.nanoseconds
        if let before = self.heardAt[account] {
            let silence = Duration.nanoseconds(now - before)
            self.longestSilence[account] = max(self.longestSilence[account] ?? .zero, silence)
        }
        self.heardAt[account] = now
    }

    /// Whether the account's consumer is to fail now.
    func takeFailure(_ account: String) -> Bool {
        guard let left = self.failures[account], left > 0 else { return false }
        self.failures[account] = left - 1
        return true
    }

    private func checkLifecycle(_ update: PositionUpdate, _ leg: Leg, _ told: inout Told) {
        let position = update.position
        let name = "\(leg.account) \(leg.symbol)/\(leg.index) \(update.cause) to \(position.amount)"
        switch update.cause {
        case .opened:
            if told.isOpen { self.complain("\(name): it is open already") }
        case .resync:
            if !told.isRestored { self.complain("\(name): nothing was restored") }
        default:
            if !told.isOpen { self.complain("\(name): it is not open") }
        }
        let isSameSize = position.size == told.size && position.side == told.side
        switch update.cause {
        case .increased: if position.size <= told.size { self.complain("\(name): it was \(told.size) before") }
        case .reduced: if position.size >= told.size { self.complain("\(name): it was \(told.size) before") }
        case .flipped: if position.side == told.side { self.complain("\(name): the side is the same") }
        case .amended: if !isSameSize { self.complain("\(name): it was \(told.size) before") }
        case .closed: if position.isOpen { self.complain("\(name): it is not flat") }
        default: if !position.isOpen { self.complain("\(name): it is flat") }
        }
        let list = self.history[leg] ?? []
        // What was told before may be amended in ways the record does not keep (a liquidation price).
        let mayRepeat = update.cause == .amended || update.cause == .resync
        let first = max(0, mayRepeat ? told.index : told.index + 1)
        // A flip ends a position and begins another in one trade; who missed it may say so with two events.
        let flip = list.indices.dropFirst(first).first { list[$0].isOpen && list[$0].side != told.side.rawValue }
        let end = update.cause == .closed ? flip.map { $0 - 1 } : nil
        let fitting = list.indices.dropFirst(first).first { Self.fits(list[$0], position) }
        guard let index = [fitting, end].compactMap({ $0 }).min() else {
            let states = list.suffix(4).map { "\($0.side) \(Self.decimal($0.size)) @\(Self.decimal($0.entry))" }
            self.complain(
                "\(name) @\(position.entryPrice): the exchange was never in this state after the one told before "
                    + "(\(told.index) of \(list.count): \(states.joined(separator: ", ")))"
            )
            return
        }
        if index == list.count - 1, update.cause != .amended, update.cause != .resync { self.suspect(leg) }
        told.index = index
        if position.isOpen, !told.isOpen {
            told.openedAt = self.time.nanoseconds
            self.onOpened?(leg)
        }
        told.isOpen = position.isOpen
        told.side = position.side
        told.size = position.size
        told.isRestored = false
        if !position.isOpen {
            told.cs = .min
            told.exchangeTime = .min
            told.isPolled = false
        }
    }

    /// Told long after it happened, on the connection that should have told it: a sweep did.
    private func suspect(_ leg: Leg) {
        let now = self.time.nanoseconds
        guard self.expectsRows, let changedAt = self.changedAt[leg], now - changedAt > 8_000_000_000,
            let connects = self.connectsAtChange[leg], connects == self.connects[leg.account],
            self.deaf[leg.account] == nil
        else { return }
        self.deaf[leg.account] = (connects, now + 20_000_000_000)
    }

    private func checkDeafness(_ account: String, connects: Int, isLive: Bool) {
        // Rows of a connection that is not live yet wait for the sweep.
        self.connects[account] = isLive ? connects : nil
        guard let suspicion = self.deaf[account] else { return }
        if connects != suspicion.connects || !isLive {
            self.deaf[account] = nil
        } else if self.time.nanoseconds > suspicion.deadline {
            self.complain("\(account): the private connection keeps changes to itself, and nobody minds")
        }
    }

    /// Linear profit in units of 10⁻¹⁶, which is exact.
    private func checkProfit(_ update: PositionUpdate, _ leg: Leg) {
        let position = update.position
        guard position.isOpen, let mark = update.mark, let markUnits = Self.units(mark),
            let entry = Self.units(position.entryPrice), let size = Self.units(position.size)
        else { return }
        let sign: Int128 = position.side == .sell ? -1 : 1
        let expected = FixedPoint(mantissa: (markUnits - entry) * size * sign, scale: 16)
        if update.unrealizedPnL != expected {
            self.complain(
                "\(leg.account) \(leg.symbol): profit \(update.unrealizedPnL?.description ?? "-"), not \(expected)"
            )
        }
    }

    private static func units(_ value: FixedPoint) -> Int128? {
        guard value.scale <= 8 else { return nil }
        return (value.scale..<8).reduce(value.mantissa) { units, _ in units * 10 }
    }

    /// A line of the account's stream.
    func numbered(_ number: Int64, account: String) {
        if let last = self.numbers[account], number <= last {
            self.complain("\(account): n \(number) was used (\(last))")
        }
        self.numbers[account] = number
    }

    private func checkMark(_ update: PositionUpdate, _ leg: Leg, _ told: inout Told) {
        let name = "\(leg.account) \(leg.symbol)/\(leg.index) \(update.cause) \(update.mark?.description ?? "-")"
        if !told.isOpen { self.complain("\(name): it is not open") }
        if update.cause == .stale { return }
        let isPolled = update.source == .rest
        if update.exchangeTime < told.exchangeTime, update.seq < told.cs || isPolled || told.isPolled {
            self.complain("\(name): older than the mark before")
        }
        told.isPolled = isPolled
        if let mark = update.mark, !self.wasShown(mark, leg.symbol, within: .seconds(60)) {
            self.complain("\(name): the exchange has not shown this mark")
        }
        told.exchangeTime = max(told.exchangeTime, update.exchangeTime)
        if update.source == .hybrid {
            if update.seq < told.cs, update.exchangeTime <= told.exchangeTime {
                self.complain("\(name): cs \(update.seq) after \(told.cs)")
            }
            told.cs = max(told.cs, update.seq)
        }
    }

    /// The process died. What it finds again on disk is what it remembers having told.
    func crashed(_ accounts: [String], store: VirtualStore) {
        self.told = [:]
        self.deaf = [:]
        self.healthySince = [:]
        self.connects = [:]
        self.connectsAtChange = [:]
        for account in accounts {
            for position in store.positions(account) {
                let leg = Leg(account, position.key)
                self.told[leg] = Told(
                    isOpen: true,
                    side: position.side,
                    size: position.size,
                    isRestored: true,
                    openedAt: self.time.nanoseconds
                )
            }
        }
    }

    // MARK: Judgement

    /// How long something may be wrong before nobody may call it right: the watchdog's own period, and a hop or two.
    static let tolerance = Duration.seconds(3)

    /// Three polls, and as long as a reply may be on its way.
    static let longestPoll = Duration.seconds(35)

    /// At any time: what is called fresh is, and nothing is called healthy that is not.
    func checkHealth(_ client: VirtualClient) {
        self.catchUp()
        let feed = client.feed.makeSnapshot()
        let silence = VirtualClient.staleAfter + Self.tolerance
        var unheard: Set<String> = []
        for account in client.accounts {
            guard let tracker = account.stream?.tracker else { continue }
            for (slot, cell) in tracker.book.cells.enumerated() where cell.position.isOpen {
                let leg = Leg(account.name, cell.position.key)
                let since = max(self.sentAt[leg.symbol] ?? 0, self.told[leg]?.openedAt ?? 0)
                let hasTicker = tracker.hasTicker(slot)
                if hasTicker, self.time.nanoseconds - since > (silence + self.holdSlack).nanoseconds {
                    unheard.insert(leg.symbol)
                }
                let known = tracker.mark(slot)
                let age = hasTicker ? silence : Self.longestPoll
                if !known.isStale, let price = known.price, !self.wasShown(price, leg.symbol, within: age) {
                    self.complain("\(account.name) \(leg.symbol): \(price) is called fresh and is not")
                }
            }
            let report = client.report(account, feed)
            self.checkDeafness(
                account.name,
                connects: report.privateSession.connects,
                isLive: report.state == .live && report.privateSession.state == .live
            )
            if report.health == .healthy {
                self.checkNothingIsUntold(account.name, tracker.book)
            } else {
                self.healthySince[account.name] = nil
            }
        }
        let tickers = StatusReport.Health.ofTickers(StatusReport.Tickers(feed, now: self.time.now))
        if tickers == .healthy, !unheard.isEmpty {
            self.complain("the tickers are called healthy, and \(unheard.sorted()) receive nothing")
        }
    }

    private func checkNothingIsUntold(_ account: String, _ book: PositionBook) {
        let since = self.healthySince[account] ?? self.time.nanoseconds
        self.healthySince[account] = since
        let latest = self.time.nanoseconds - self.longestUntold.nanoseconds
        if since > latest { return }
        for (leg, list) in self.history where leg.account == account {
            guard let last = list.last, let changedAt = self.changedAt[leg], changedAt < latest else { continue }
            let key = PositionKey(category: .linear, symbol: leg.symbol, positionIndex: leg.index)
            let position = book.slot(of: key).map { book.cells[$0].position }
            if position.map({ Self.fits(last, $0) }) ?? !last.isOpen { continue }
            self.complain("\(account) \(leg.symbol)/\(leg.index): healthy, and a change is untold: \(last)")
        }
    }

    /// What must be true when nothing has been wrong for long.
    func checkQuiet(_ client: VirtualClient) {
        self.catchUp()
        let holdings = self.exchange.holdings()
        let feed = client.feed.makeSnapshot()
        for account in client.accounts {
            let report = client.report(account, feed)
            if report.state != .live || report.health != .healthy {
                self.complain("\(account.name) is \(report.state) and \(report.health): \(report.lastError ?? "")")
            }
            self.checkBook(account, holdings.filter { $0.key.account == account.name })
        }
        let streaming = client.accounts.filter { $0.stream?.drive.hasStream ?? false }.map(\.name)
        let held = Set(holdings.keys.filter { streaming.contains($0.account) }.map(\.symbol))
        let sockets = self.exchange.sockets()
        // A ticker is kept for a moment, in case the position opens again. Consumers close some even now.
        let lingering = Set(
            self.changedAt.filter { $0.value > self.time.nanoseconds - 10_000_000_000 }.map(\.key.symbol)
        )
        let subscribed = sockets.public.map { $0.subtracting(lingering.subtracting(held)) }
        if held.isEmpty {
            if subscribed.contains(where: { !$0.isEmpty }) { self.complain("tickers are left: \(sockets.public)") }
        } else if subscribed != [held] {
            self.complain("held are \(held.sorted()), subscribed \(sockets.public.map { $0.sorted() })")
        }
        for reader in client.readers {
            reader.readSlow()
            // What the exchange has called impossible is told for as long as the position is there.
            let own = holdings.keys.filter { $0.account == reader.account }.map(\.symbol)
            let unresolved = reader.unresolved.filter { alert in
                // An account that was taken back stays so until somebody decides otherwise.
                if alert.hasPrefix(AccountSupervisor.rollbackAlert) { return false }
                let isOfConsumer = ["aged_monitor_failed", "trailing_stop_failed"].contains { alert.hasPrefix($0) }
                return !isOfConsumer || !own.contains { alert.hasSuffix(" \($0)") }
            }
            if !unresolved.isEmpty { self.complain("alerts are left open: \(unresolved)") }
        }
        let tickers = StatusReport.Tickers(feed, now: self.time.now)
        if tickers.desired != held.count || tickers.active != held.count || tickers.receiving != held.count {
            self.complain("held are \(held.count): \(tickers)")
        }
        if sockets.private.sorted() != streaming {
            self.complain("private connections of \(sockets.private)")
        }
    }

    private func checkBook(_ account: AccountSupervisor, _ holdings: [Leg: Holding]) {
        guard let tracker = account.stream?.tracker else { return }
        var left = holdings
        var unpolled: Set<Leg> = []
        for (slot, cell) in tracker.book.cells.enumerated() where cell.position.isOpen {
            let key = cell.position.key
            let leg = Leg(account.name, key)
            let holding = left.removeValue(forKey: leg)
            // What a consumer has set a moment ago, or what its stop has closed, is seen by the next poll.
            let changedAt = self.changedAt[leg] ?? 0
            if !tracker.hasTicker(slot), changedAt > self.time.nanoseconds - 12_000_000_000 {
                unpolled.insert(leg)
                continue
            }
            guard let holding else {
                self.complain("\(account.name) \(key): in the book, not on the exchange")
                continue
            }
            if !Self.fits(holding, cell.position) {
                self.complain("\(account.name) \(key): \(cell.position.amount) in the book, \(holding) on the exchange")
            }
            let told = self.told[leg] ?? Told()
            if !told.isOpen || told.size != cell.position.size || told.side != cell.position.side {
                self.complain("\(account.name) \(key): the events say \(told.isOpen) \(told.size)")
            }
            let known = tracker.mark(slot)
            if known.isStale { self.complain("\(account.name) \(key): the mark is stale") }
            // REST is asked every five seconds.
            let age = Duration.seconds(tracker.hasTicker(slot) ? 3 : 8)
            if let price = known.price, !self.wasShown(price, key.symbol, within: age) {
                self.complain("\(account.name) \(key): the mark \(price) is old")
            }
        }
        for leg in left.keys.sorted(by: { "\($0)" < "\($1)" }) {
            self.complain(
                "\(account.name) \(leg.symbol)/\(leg.index): on the exchange, not in the book: nobody watches it"
            )
        }
        for (leg, told) in self.told where leg.account == account.name && told.isOpen && holdings[leg] == nil {
            if unpolled.contains(leg) { continue }
            self.complain("\(account.name) \(leg.symbol)/\(leg.index): closed, and the events do not say so")
        }
    }

    /// Without a fault everything the exchange did is told, one by one.
    /// - Parameter isPolled: REST has driven some of the time, and sees only what is there when it looks.
    func checkCompleteness(isPolled: Bool = false) {
        for (leg, list) in self.history where !isPolled {
            let told = self.told[leg]?.index ?? -1
            let last = list.count - 1
            if told != last, !(told == -1 && !list.contains(where: \.isOpen)) {
                self.complain("\(leg): told up to \(told) of \(last)")
            }
        }
        let changes = self.history.values.reduce(0) { $0 + $1.count }
        if isPolled ? self.lifecycleEvents > changes : self.lifecycleEvents != changes {
            self.complain("\(self.lifecycleEvents) lifecycle events for \(changes) changes without any fault")
        }
    }
}

extension VirtualExchange.Leg {
    init(_ account: String, _ key: PositionKey) {
        self.init(account: account, symbol: key.symbol, index: key.positionIndex)
    }
}
