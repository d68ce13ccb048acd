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

    /// Where an account is on its way from REST to the stream.
    struct Rollout: Decodable {
        struct Gate: Decodable {
            let name: String
            let verdict: String
            let value: String
            let limit: String
        }

        let mode: String
        let step: Int?
        let verdict: String
        let gates: [Gate]
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
        let override: String?
        let rollout: Rollout?
        let drain: Drain?

        /// `disabled`, `drained`, `rest`, `cutover 50`, as commands name what an account is.
        var standing: String {
            if self.state == "disabled" || self.state == "drained" { return self.state }
            return self.mode + (self.rollout?.step.map { " \($0)" } ?? "")
        }
    }

    struct Drain: Decodable {
        let blockers: [String]
    }

    struct Budgets: Decodable {
        let connectionsUsed: Int
        let connectionsLimit: Int
    }

    let schemaVersion: Int
    let instance: String
    let pid: Int32
    let revision: Int
    let health: String
    let tickers: Tickers
    let budgets: Budgets
    let accounts: [Account]

    func account(_ name: String) -> Account? { self.accounts.first { $0.name == name } }
}
