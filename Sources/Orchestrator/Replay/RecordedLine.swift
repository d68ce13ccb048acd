import HybridStream

/// One line of a recording, whatever the order and the white space of its members. Keys that are not known are passed over.
struct RecordedLine {
    enum Kind { case position, action, consumers, other }

    /// What stands in the way of reading a line.
    enum Failure: Error, Equatable {
        /// Whoever wrote it was killed.
        case cutOff
        /// Counted from 1.
        case broken(column: Int, reason: String)
    }

    private(set) var kind = Kind.other
    private(set) var account = ""
    private(set) var n: Int64 = 0
    private(set) var symbol = ""
    private(set) var positionIndex = 0
    // position.update
    private(set) var cause = PositionUpdate.Cause.mark
    private(set) var source = PositionUpdate.Source.hybrid
    private(set) var category = Category.linear
    private(set) var side = Side.none
    private(set) var size = FixedPoint.zero
    private(set) var entryPrice = FixedPoint.zero
    private(set) var mark: FixedPoint?
    private(set) var leverage = ""
    private(set) var stopLoss = ""
    private(set) var takeProfit = ""
    private(set) var trailingStop = ""
    private(set) var positionValue = ""
    private(set) var isStale = false
    private(set) var conflated = 0
    private(set) var seq: Int64 = -1
    private(set) var exchangeTime: Int64 = 0
    private(set) var openTime: Int64 = 0
    // action
    private(set) var consumer = ""
    private(set) var action = ""
    private(set) var orderLinkID = ""
    private(set) var parameters: [PipelineEvent.Action.Parameter] = []
    private(set) var outcome = PipelineEvent.Action.Outcome.journalled
    private(set) var returnCode: Int?
    private(set) var text = ""
    private(set) var refusal: PipelineEvent.Action.Refusal?
    // consumers
    private(set) var state: PipelineEvent.Consumers.State?
    private(set) var tickSize: FixedPoint?
    // both
    private(set) var isDryRun = true

    private let start: UnsafeRawPointer
    private let end: UnsafeRawPointer
    private var isPosition: Bool { self.kind == .position }
    private var found = Members()
    /// Members came before the one that tells what they mean.
    private var isOutOfOrder = false

    /// Members without which nothing can be made of a line.
    private struct Members: OptionSet {
        let rawValue: Int

        static let account = Members(rawValue: 1 << 0)
        static let n = Members(rawValue: 1 << 1)
        static let cause = Members(rawValue: 1 << 2)
        static let category = Members(rawValue: 1 << 3)
        static let symbol = Members(rawValue: 1 << 4)
        static let side = Members(rawValue: 1 << 5)
        static let size = Members(rawValue: 1 << 6)
        static let exchangeTime = Members(rawValue: 1 << 7)
        static let event = Members(rawValue: 1 << 8)

        static let ofAll: [(Members, String)] = [(.event, "event"), (.account, "account"), (.n, "n")]
        static let ofPositions: [(Members, String)] = [
            (.cause, "cause"), (.category, "category"), (.symbol, "symbol"), (.side, "side"), (.size, "size"),
            (.exchangeTime, "exchange_ts"),
        ]
    }

    /// Reads a line without its line feed.
    init(_ line: UnsafeRawBufferPointer) throws(Failure) {
        guard let start = line.baseAddress, var reader = JSONReader(line) else { throw .cutOff }
        self.start = start
        self.end = start + line.count
        do {
            guard try reader.nextIsObject() else { throw JSONReader.Failure.unexpectedByte(at: 0) }
            try reader.forEachMember { key, reader in try self.take(key, &reader) }
            try reader.expectEnd()
            if self.isOutOfOrder, self.kind != .other, var again = JSONReader(line) {
                try again.forEachMember { key, reader in try self.take(key, &reader) }
            }
            try self.complain()
        } catch let failure as Failure {
            throw failure
        } catch JSONReader.Failure.unexpectedByte(let index) {
            throw .broken(column: index + 1, reason: "this is not JSON")
        } catch JSONReader.Failure.tooDeep {
            throw .broken(column: 1, reason: "there are objects within objects to no end")
        } catch {
            throw .cutOff
        }
    }

    private func complain() throws(Failure) {
        let needed = Members.ofAll + (self.isPosition ? Members.ofPositions : [])
        if let missing = needed.first(where: { !self.found.contains($0.0) }) {
            throw .broken(column: 1, reason: "\(missing.1) is missing")
        }
    }

    // MARK: Members

    private mutating func take(_ key: JSONSlice, _ reader: inout JSONReader) throws {
        switch key {
        case "v":
            let version = try self.integer("v", &reader)
            if version != 1 {
                throw Failure.broken(column: 1, reason: "v is \(version): a later version has recorded it")
            }
        case "event": try self.takeEvent(&reader)
        case "account": self.account = try self.word("account", .account, &reader).string
        case "n":
            self.n = try self.integer("n", &reader)
            self.found.insert(.n)
        case "symbol": self.symbol = try self.word("symbol", .symbol, &reader).string
        case "position_idx": self.positionIndex = Int(truncatingIfNeeded: try self.integer("position_idx", &reader))
        default:
            switch self.kind {
            case .position: try self.takePosition(key, &reader)
            case .action: try self.takeAction(key, &reader)
            case .consumers: try self.takeConsumers(key, &reader)
            case .other: if !self.found.contains(.event) { self.isOutOfOrder = true }
            }
        }
    }

    private mutating func takeEvent(_ reader: inout JSONReader) throws {
        let name = try self.word("event", .event, &reader)
        switch name {
        case "position.update": self.kind = .position
        case "action": self.kind = .action
        case "consumers": self.kind = .consumers
        default: self.kind = .other
        }
    }

    private mutating func takePosition(_ key: JSONSlice, _ reader: inout JSONReader) throws {
        switch key {
        case "cause": self.cause = try self.choice("cause", .cause, &reader)
        case "source": self.source = try self.choice("source", [], &reader)
        case "category": self.category = try self.choice("category", .category, &reader)
        case "side": self.side = try self.choice("side", .side, &reader)
        case "size":
            self.size = try self.decimal("size", &reader) ?? .zero
            self.found.insert(.size)
        case "entry_price": self.entryPrice = try self.decimal("entry_price", &reader) ?? .zero
        case "mark_price": self.mark = try self.decimal("mark_price", &reader)
        case "leverage": self.leverage = try self.word("leverage", [], &reader).string
        case "stop_loss": self.stopLoss = try self.word("stop_loss", [], &reader).string
        case "take_profit": self.takeProfit = try self.word("take_profit", [], &reader).string
        case "trailing_stop": self.trailingStop = try self.word("trailing_stop", [], &reader).string
        case "position_value": self.positionValue = try self.word("position_value", [], &reader).string
        case "stale": self.isStale = try self.word("stale", [], &reader).isTrue
        case "conflated": self.conflated = Int(truncatingIfNeeded: try self.integer("conflated", &reader))
        case "seq": self.seq = try self.integer("seq", &reader)
        case "exchange_ts":
            self.exchangeTime = try self.integer("exchange_ts", &reader)
            self.found.insert(.exchangeTime)
        case "open_ts": self.openTime = try self.integer("open_ts", &reader)
        default: break
        }
    }

    private mutating func takeAction(_ key: JSONSlice, _ reader: inout JSONReader) throws {
        switch key {
        case "consumer": self.consumer = try self.word("consumer", [], &reader).string
        case "action": self.action = try self.word("action", [], &reader).string
        case "order_link_id": self.orderLinkID = try self.word("order_link_id", [], &reader).string
        case "params":
            var parameters: [PipelineEvent.Action.Parameter] = []
            try reader.forEachMember { name, reader in
                parameters.append(.init(name.string, try reader.readScalar()?.string ?? ""))
            }
            self.parameters = parameters
        case "dry_run": self.isDryRun = try self.word("dry_run", [], &reader).isTrue
        case "outcome": self.outcome = try self.choice("outcome", [], &reader)
        case "ret_code": self.returnCode = try reader.readScalar()?.integer.flatMap { Int(exactly: $0) }
        case "text": self.text = try self.word("text", [], &reader).string
        case "refusal": self.refusal = try self.choice("refusal", [], &reader)
        default: break
        }
    }

    private mutating func takeConsumers(_ key: JSONSlice, _ reader: inout JSONReader) throws {
        switch key {
        case "state": self.state = try self.choice("state", [], &reader)
        case "tick_size": self.tickSize = try self.decimal("tick_size", &reader)
        case "dry_run": self.isDryRun = try self.word("dry_run", [], &reader).isTrue
        default: break
        }
    }

    // MARK: Values

    private mutating func word(_ key: String, _ member: Members, _ reader: inout JSONReader) throws -> JSONSlice {
        guard let slice = try reader.readScalar() else {
            throw Failure.broken(column: 1, reason: "\(key) is an object or a list")
        }
        self.found.formUnion(member)
        return slice
    }

    private mutating func integer(_ key: String, _ reader: inout JSONReader) throws -> Int64 {
        let slice = try self.word(key, [], &reader)
        guard let value = slice.integer else { throw self.wrong(key, slice, "a whole number") }
        return value
    }

    /// Nil for an empty text.
    private mutating func decimal(_ key: String, _ reader: inout JSONReader) throws -> FixedPoint? {
        let slice = try self.word(key, [], &reader)
        if slice.bytes.isEmpty { return nil }
        guard let value = slice.decimal else { throw self.wrong(key, slice, "a decimal number") }
        return value
    }

    private mutating func choice<Choice: RawRepresentable<String> & CaseNamed>(
        _ key: String,
        _ member: Members,
        _ reader: inout JSONReader
    ) throws -> Choice {
        let slice = try self.word(key, member, &reader)
        guard let value = Choice(rawValue: slice.string) else {
            throw self.wrong(key, slice, "one of \(Choice.names)")
        }
        return value
    }

    private func wrong(_ key: String, _ slice: JSONSlice, _ wanted: String) -> Failure {
        // What ends with the line may have gone on.
        if let base = slice.bytes.baseAddress, base + slice.bytes.count == self.end { return .cutOff }
        let column = slice.bytes.baseAddress.map { $0 - self.start + 1 } ?? 1
        return .broken(column: column, reason: "\(key) is \"\(slice.string)\", not \(wanted)")
    }
}

/// A choice that can say what there is to choose from.
protocol CaseNamed {
    static var names: String { get }
}

extension PositionUpdate.Cause: CaseNamed {
    static var names: String { self.allCases.map(\.rawValue).joined(separator: ", ") }
}

extension PositionUpdate.Source: CaseNamed {
    static var names: String { "hybrid, rest" }
}

extension Category: CaseNamed {
    static var names: String { "linear, inverse" }
}

extension Side: CaseNamed {
    static var names: String { "Buy, Sell or nothing" }
}

extension PipelineEvent.Action.Outcome: CaseNamed {
    static var names: String { "journalled, accepted, done, rejected, unknown" }
}

extension PipelineEvent.Action.Refusal: CaseNamed {
    static var names: String { "again, rate_limit, impossible" }
}

extension PipelineEvent.Consumers.State: CaseNamed {
    static var names: String { "started, ready, stopped" }
}

extension RecordedLine {
    /// The row of a `position.update`.
    var position: Position {
        Position(
            key: PositionKey(category: self.category, symbol: self.symbol, positionIndex: self.positionIndex),
            side: self.side,
            size: self.size,
            entryPrice: self.entryPrice,
            leverage: self.leverage,
            stopLoss: self.stopLoss,
            takeProfit: self.takeProfit,
            trailingStop: self.trailingStop,
            positionValue: self.positionValue,
            seq: self.seq,
            updatedTime: self.exchangeTime,
            openTime: self.openTime
        )
    }

    /// When the consumer of a rejected action may ask again: as recorded, or as the exchange's code says.
    var effectiveRefusal: PipelineEvent.Action.Refusal {
        if let refusal = self.refusal { return refusal }
        guard let code = self.returnCode else { return .again }
        switch TradingVerdict(code: code, text: self.text) {
        case .impossible: return .impossible
        case .refused(let isRateLimit): return isRateLimit ? .rateLimit : .again
        case .ambiguous: return TradingVerdict.isRateLimit(code: code) ? .rateLimit : .again
        case .unchanged, .flat, .duplicate: return .again
        }
    }

    var recordedAction: RecordedAction {
        RecordedAction(
            consumer: self.consumer,
            action: self.action,
            symbol: self.symbol,
            positionIndex: self.positionIndex,
            parameters: self.parameters
        )
    }
}
