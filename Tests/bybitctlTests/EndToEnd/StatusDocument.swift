/// `status --output json`, as a script would read it.
struct StatusDocument: Decodable {
    struct Tickers: Decodable {
        let state: String
        let desired: Int
        let active: Int
        let receiving: Int
        let quarantined: [String]
        let connects: Int
    }

    struct Account: Decodable {
        struct Private: Decodable {
            let state: String
            let connects: Int
        }

        struct Position: Decodable {
            let symbol: String
            let positionIdx: Int
            let side: String
            let size: String
            let entryPrice: String
            let markPrice: String?
            let stale: Bool
            let unrealizedPnl: String?
            let stopLoss: String?
            let unprotected: Bool?
            let trailing: Trailing?
            let aged: Aged?
        }

        struct Trailing: Decodable {
            let state: String
            let peak: String
            let stop: String
        }

        struct Aged: Decodable {
            let phase: String
            let ageMs: Int64
        }

        let name: String
        let enabled: Bool
        let state: String
        let health: String
        let mode: String
        let driver: String
        let `private`: Private
        let positions: [Position]?
        let lastError: String?
    }

    struct Budgets: Decodable {
        let connectionsUsed: Int
        let connectionsLimit: Int
    }

    let schemaVersion: Int
    let instance: String
    let pid: Int32
    let health: String
    let tickers: Tickers
    let budgets: Budgets
    let accounts: [Account]

    func account(_ name: String) -> Account? { self.accounts.first { $0.name == name } }
}
