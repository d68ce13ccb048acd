/// One line of the exchange's record of truth.
struct Fact: Decodable {
    let index: Int
    let time: Int64
    let kind: String
    let account: String?
    let connection: Int?
    let text: String?
    let code: Int?
    let retCode: Int?
    let cause: String?
    let category: String?
    let symbol: String?
    let positionIdx: Int?
    let side: String?
    let size: String?
    let entryPrice: String?
    let stopLoss: String?
    let takeProfit: String?
    let trailingStop: String?
    let leverage: String?
    let mark: String?
    let seq: Int64?
    let updatedTime: Int64?
    let openTime: Int64?
    let cs: Int64?
    let ts: Int64?
    // order
    let orderLinkId: String?
    let status: Status?
    let qty: String?
    let filled: String?
    let reduceOnly: Bool?
    let stopOrderType: String?
}

/// What the exchange is at a moment.
struct ExchangeState: Decodable {
    struct Connection: Decodable {
        let connection: Int
        let socket: String
        let account: String?
        let topics: [String]
    }

    struct Position: Decodable {
        let account: String
        let category: String
        let symbol: String
        let positionIdx: Int
        let side: String
        let size: String
        let entryPrice: String
    }

    struct Mark: Decodable {
        let category: String
        let symbol: String
        let mark: String
        let cs: Int64
    }

    let now: Int64
    let nextIndex: Int
    let connections: [Connection]
    let positions: [Position]
    let marks: [Mark]
}

/// Of an order it is a word, of a REST reply the number of HTTP.
enum Status: Decodable, Equatable {
    case word(String)
    case http(Int)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .http(number)
        } else {
            self = .word(try container.decode(String.self))
        }
    }
}
