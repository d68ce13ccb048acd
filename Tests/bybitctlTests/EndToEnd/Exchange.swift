import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// `bybitctl simulate` as a process, and its control API.
final class Exchange {
    struct Ready: Decodable {
        struct Account: Decodable {
            let name: String
            let apiKey: String
            let apiSecret: String
        }

        let publicLinear: String
        let publicInverse: String
        let `private`: String
        let rest: String
        let control: String
        let accounts: [Account]
    }

    let process: ChildProcess
    let ready: Ready
    private let session = URLSession(configuration: .ephemeral)

    private init(process: ChildProcess, ready: Ready) {
        self.process = process
        self.ready = ready
    }

    static func start(
        in place: Workplace,
        accounts: Int,
        symbols: Int = 24,
        activity: String = "none",
        seed: UInt64 = 7,
        tls: [String] = []
    ) async throws -> Exchange {
        var arguments = ["simulate", "--accounts", "\(accounts)", "--symbols", "\(symbols)", "--seed", "\(seed)"]
        arguments += ["--activity", activity]
        if !tls.isEmpty { arguments += ["--tls"] + tls }
        let process = try place.start(arguments)
        let line = try await eventually("the exchange's ready line") {
            if !process.isRunning { throw Disappointment("the exchange ended: \(process.errors)") }
            return process.lines.first
        }
        return Exchange(process: process, ready: try JSONLines.decoder.decode(Ready.self, from: Data(line.utf8)))
    }

    func account(_ name: String) throws -> Ready.Account {
        try #require(self.ready.accounts.first { $0.name == name })
    }

    // MARK: Requests

    private func request(_ path: String, post body: String? = nil) async throws -> (status: Int, body: Data) {
        let url = try #require(URL(string: self.ready.control + path))
        var request = URLRequest(url: url, timeoutInterval: 20)
        if let body {
            request.httpMethod = "POST"
            request.httpBody = Data(body.utf8)
        }
        let (data, response) = try await self.session.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, data)
    }

    /// A control request that may be refused, such as closing what a stop has closed just now.
    @discardableResult
    func attempt(_ path: String, _ fields: [String: JSONField]) async throws -> Bool {
        try await self.request(path, post: JSONField.text(fields)).status == 200
    }

    func post(_ path: String, _ fields: [String: JSONField] = [:]) async throws {
        let answer = try await self.request(path, post: JSONField.text(fields))
        guard answer.status == 200 else {
            throw Disappointment("POST \(path) \(fields): \(String(decoding: answer.body, as: UTF8.self))")
        }
    }

    func open(_ account: String, _ symbol: String, _ side: String, _ size: String, index: Int = 0) async throws {
        try await self.post(
            "/positions",
            [
                "account": .string(account), "symbol": .string(symbol), "side": .string(side), "size": .string(size),
                "position_idx": .number(index),
            ]
        )
    }

    func close(_ account: String, _ symbol: String) async throws {
        try await self.post("/positions/close", ["account": .string(account), "symbol": .string(symbol)])
    }

    func setFaults(_ fields: [String: JSONField]) async throws { try await self.post("/faults", fields) }

    func kill(_ socket: String, account: String? = nil, how: String = "reset") async throws {
        var fields: [String: JSONField] = ["socket": .string(socket), "how": .string(how)]
        if let account { fields["account"] = .string(account) }
        try await self.post("/connections/kill", fields)
    }

    // MARK: Truth

    func record(_ kinds: String..., account: String? = nil, since: Int = 0) async throws -> [Fact] {
        var path = "/record?limit=1000000&since=\(since)&kinds=\(kinds.joined(separator: ","))"
        if let account { path += "&account=\(account)" }
        return try JSONLines.decode(Fact.self, from: try await self.request(path).body)
    }

    func state() async throws -> ExchangeState {
        try JSONLines.decoder.decode(ExchangeState.self, from: try await self.request("/state").body)
    }

    /// Symbols of one category with their marks, in the exchange's order.
    func marks(_ category: String = "linear") async throws -> [ExchangeState.Mark] {
        try await self.state().marks.filter { $0.category == category }
    }
}

/// A value of a control request.
enum JSONField {
    case string(String)
    case number(Int)
    case flag(Bool)
    case list([String])
    case object([String: JSONField])

    static func text(_ fields: [String: JSONField]) -> String {
        "{" + fields.map { "\"\($0.key)\":\($0.value.text)" }.joined(separator: ",") + "}"
    }

    private var text: String {
        switch self {
        case .string(let text): "\"\(text)\""
        case .number(let number): String(number)
        case .flag(let flag): String(flag)
        case .list(let items): "[" + items.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        case .object(let fields): JSONField.text(fields)
        }
    }
}

enum JSONLines {
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    /// - Throws: if a line, also the last one, is no whole JSON object.
    static func decode<Line: Decodable>(_ type: Line.Type, from data: Data) throws -> [Line] {
        let decoder = self.decoder
        return try data.split(separator: UInt8(ascii: "\n")).map { try decoder.decode(type, from: Data($0)) }
    }
}

extension Exchange {
    /// Moves every mark by a hair, so that the record has one of each symbol and every event can be compared with it.
    @discardableResult
    func publishEveryMark(_ category: String = "linear") async throws -> [String] {
        let marks = try await self.marks(category)
        for mark in marks {
            let price = try #require(Decimal(string: mark.mark)) * Decimal(1002) / 1000
            try await self.post(
                "/marks",
                [
                    "symbol": .string(mark.symbol), "category": .string(category), "price": .string(price.priceText),
                ]
            )
        }
        return marks.map(\.symbol)
    }
}

extension Decimal {
    /// With as many digits as the finest symbol has.
    var priceText: String {
        var (value, rounded) = (self, Decimal())
        NSDecimalRound(&rounded, &value, 7, .plain)
        return "\(rounded)"
    }
}
