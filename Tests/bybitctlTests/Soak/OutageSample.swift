import Foundation

/// What `status --output json` says of a large fleet at a moment, read without taking half a megabyte apart.
struct OutageSample {
    struct Account {
        let name: String
        let state: String
        let driver: String
        let connects: Int64
    }

    let time: Int64
    let health: String
    let symbols: (desired: Int64, receiving: Int64)
    let used: Int64
    let limit: Int64
    let accounts: [Account]
    /// Attempts to connect that were granted since the daemon started, of all accounts and of the tickers.
    let attempts: Int64

    init?(_ text: String) {
        guard let sample = text.withCString({ Self.read($0) }) else { return nil }
        self = sample
    }

    private init(
        health: String,
        symbols: (desired: Int64, receiving: Int64),
        used: Int64,
        limit: Int64,
        tickerConnects: Int64,
        accounts: [Account]
    ) {
        self.time = WallTime.now()
        self.health = health
        self.symbols = symbols
        self.used = used
        self.limit = limit
        self.accounts = accounts
        self.attempts = accounts.reduce(tickerConnects) { $0 + $1.connects }
    }

    private static func read(_ text: UnsafePointer<CChar>) -> OutageSample? {
        var fields = LineFields(text)
        guard let health = fields.text("\"health\":\""), let desired = fields.integer("\"desired\":"),
            let receiving = fields.integer("\"receiving\":"), let connects = fields.integer("\"connects\":"),
            let used = fields.integer("\"connections_used\":"), let limit = fields.integer("\"connections_limit\":")
        else { return nil }
        var accounts: [Account] = []
        while let name = fields.text("\"name\":\"") {
            guard let state = fields.text("\"state\":\""), let driver = fields.text("\"driver\":\""),
                let connects = fields.integer("\"connects\":")
            else { return nil }
            accounts.append(Account(name: name, state: state, driver: driver, connects: connects))
        }
        return OutageSample(
            health: health,
            symbols: (desired, receiving),
            used: used,
            limit: limit,
            tickerConnects: connects,
            accounts: accounts
        )
    }

    var live: Int { self.accounts.count { $0.state == "live" } }

    var line: String {
        let states = Dictionary(grouping: self.accounts) { $0.state }.mapValues(\.count).sorted { $0.key < $1.key }
        return "\(self.health), \(states.map { "\($0.value) \($0.key)" }.joined(separator: ", ")); connections "
            + "\(self.used)/\(self.limit), \(self.attempts) attempts; symbols \(self.symbols.receiving)/\(self.symbols.desired)"
    }
}
