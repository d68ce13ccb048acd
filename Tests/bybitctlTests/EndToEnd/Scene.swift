import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// An exchange whose prices move, a daemon in front of it, and what the daemon's first account holds.
struct Scene {
    static let account = "sub-001"

    let place: Workplace
    let exchange: Exchange
    let daemon: Daemon
    /// Linear symbols in the exchange's order. The first ones are held.
    let symbols: [String]

    /// Returns when the daemon is healthy and every held symbol delivers.
    /// - Parameters:
    ///   - held: how many symbols the first account holds; nil for all.
    ///   - isHeldBefore: they are bought before the daemon starts, so it knows them from a sweep and not from the socket.
    static func start(
        in place: Workplace,
        accounts: Int = 1,
        symbols: Int = 4,
        held: Int? = nil,
        isHeldBefore: Bool = false,
        stream: [String] = [],
        _ adjust: (inout AccountsFile) -> Void = { _ in }
    ) async throws -> Scene {
        let exchange = try await Exchange.start(in: place, accounts: accounts, symbols: symbols)
        let names = try await exchange.publishEveryMark()
        try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(50)])
        let wanted = names.prefix(held ?? symbols)
        if isHeldBefore { for name in wanted { try await exchange.open(Self.account, name, "Buy", "200") } }
        var file = AccountsFile(exchange)
        file.stream += stream
        adjust(&file)
        let daemon = try await Daemon.start(file, in: place)
        let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: names)
        if !isHeldBefore {
            try await daemon.waitUntilHealthy()
            for name in wanted { try await exchange.open(Self.account, name, "Buy", "200") }
        }
        try await daemon.waitFor("all tickers") { $0.tickers.receiving == wanted.count && $0.health == "healthy" }
        return scene
    }

    // MARK: The exchange

    /// Where the record of truth is now.
    func moment() async throws -> Int { try await self.exchange.state().nextIndex }

    /// Nobody gets in until all faults are cleared.
    func refuseUpgrades(_ status: Int = 503, isHTML: Bool = false) async throws {
        try await self.exchange.setFaults([
            "refuse_upgrades": .object(["status": .number(status), "html": .flag(isHTML)])
        ])
    }

    func waitForRefusals(_ count: Int, since: Int) async throws {
        try await eventually("\(count) refused upgrades") {
            try await self.exchange.record("refused", since: since).count >= count
        }
    }

    /// Lists of positions that an account has asked for since then. A sweep is one per settle coin.
    func listings(_ account: String = Scene.account, since: Int = 0) async throws -> [Fact] {
        try await self.exchange.record("rest", account: account, since: since).filter { $0.text == "/v5/position/list" }
    }

    /// Until some more sweeps of an account are over.
    func waitForSweeps(_ count: Int, of account: String = Scene.account) async throws {
        let now = try await self.moment()
        // The last listing of a sweep was answered when the next sweep has begun.
        try await eventually("\(count) sweeps") { try await self.listings(account, since: now).count > 2 * count }
    }

    /// Puts the mark a thousandth up.
    @discardableResult
    func moveMark(_ symbol: String) async throws -> String {
        let mark = try #require(try await self.exchange.marks().first { $0.symbol == symbol })
        let price = try #require(Decimal(string: mark.mark)) * Decimal(1001) / 1000
        try await self.exchange.post("/marks", ["symbol": .string(symbol), "price": .string(price.priceText)])
        return try #require(try await self.exchange.marks().first { $0.symbol == symbol }).mark
    }

    /// Ticker topics of the open public connections, sorted.
    func tickerTopics() async throws -> [String] {
        try await self.exchange.state().connections.filter { $0.socket == "public/linear" }.flatMap(\.topics).sorted()
    }

    // MARK: The daemon

    func events(_ account: String = Scene.account) throws -> [EventLine] { try self.daemon.events(account) }

    @discardableResult
    func event(_ what: String, _ condition: (EventLine) -> Bool) async throws -> EventLine {
        try await self.daemon.event(Self.account, what, condition)
    }

    /// Marks and recoveries of a symbol's ticker, in order.
    func marks(of symbol: String, _ account: String = Scene.account) throws -> [EventLine] {
        try self.events(account).filter {
            $0.symbol == symbol && ["mark", "fresh"].contains($0.cause) && $0.source == "hybrid"
        }
    }

    /// Until every one of these tickers has delivered `count` more marks to the account.
    func waitForMarks(_ symbols: [String], count: Int = 1, _ account: String = Scene.account) async throws {
        let before = try Dictionary(grouping: self.events(account)) { $0.symbol ?? "" }
            .mapValues { $0.filter(\.isTickerMark).count }
        try await eventually("\(count) marks each of \(symbols)") {
            let now = try Dictionary(grouping: self.events(account)) { $0.symbol ?? "" }
                .mapValues { $0.filter(\.isTickerMark).count }
            return symbols.allSatisfy { (now[$0] ?? 0) >= (before[$0] ?? 0) + count }
        }
    }

    /// Stops the daemon and compares the whole story of an account with what the exchange did.
    func finish(
        _ account: String = Scene.account,
        isInterrupted: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let rows = try await self.exchange.record("position", account: account)
        let changes = TruthCheck.expected(rows).count
        try await eventually("\(changes) changes") { try self.events(account).filter(\.isLifecycle).count >= changes }
        #expect(try await self.daemon.stop() == 0, sourceLocation: sourceLocation)
        let check = TruthCheck(
            account: account,
            category: "linear",
            events: try self.events(account),
            rows: rows,
            marks: try await self.exchange.record("mark"),
            isInterrupted: isInterrupted
        )
        #expect(check.problems == [], sourceLocation: sourceLocation)
    }
}

extension Exchange {
    /// Several faults of REST at once, such as one for each account; none ends them.
    func setRESTFaults(_ faults: [[String: JSONField]]) async throws {
        var request = URLRequest(url: try #require(URL(string: self.ready.control + "/faults")), timeoutInterval: 20)
        request.httpMethod = "POST"
        request.httpBody = Data("{\"rest\":[\(faults.map(JSONField.text).joined(separator: ","))]}".utf8)
        let (data, response) = try await URLSession.shared.data(for: request)
        guard (response as? HTTPURLResponse)?.statusCode == 200 else {
            throw Disappointment("POST /faults: \(String(decoding: data, as: UTF8.self))")
        }
    }
}

extension Daemon {
    /// Resident memory of the process, in bytes.
    func memory() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(self.process.pid)/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        let words = line.split { $0.isWhitespace }
        return try #require(words.dropFirst().first.flatMap { Int($0) }) * 1024
    }
}

extension EventLine {
    /// A mark that the ticker brought.
    var isTickerMark: Bool { ["mark", "fresh"].contains(self.cause) && self.source == "hybrid" }

    /// What happened to a position, also what a restart found.
    var isNews: Bool { self.isLifecycle || self.cause == "resync" }
}

extension StatusDocument {
    /// `SYMBOL leg side size entry` of an account.
    func holdings(_ name: String) -> Set<String> {
        Set(
            (self.account(name)?.positions ?? [])
                .map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size) \($0.entryPrice)" }
        )
    }
}

extension ExchangeState {
    /// The same as the exchange sees it.
    func holdings(_ name: String, category: String = "linear") -> Set<String> {
        Set(
            self.positions.filter { $0.account == name && $0.category == category }
                .map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size) \($0.entryPrice)" }
        )
    }
}
