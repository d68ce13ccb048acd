import Foundation

/// What one leg is at a moment, as a row of the exchange or a lifecycle event says it. Numbers are in units of 10⁻⁸.
struct LegState: Equatable {
    var side = ""
    var size: Int64 = 0
    var entry: Int64 = 0
    var stopLoss: Int64 = 0
    var takeProfit: Int64 = 0
    var trailing: Int64 = 0
    var leverage: Int64 = 0

    static let flat = LegState()

    var isOpen: Bool { self.size != 0 }
    /// Whatever a flat row says besides: it is flat.
    var normalized: LegState { self.isOpen ? self : .flat }

    var text: String {
        guard self.isOpen else { return "flat" }
        return "\(self.side) \(self.size.unitsText) at \(self.entry.unitsText) (stops \(self.stopLoss.unitsText) "
            + "\(self.takeProfit.unitsText) \(self.trailing.unitsText), leverage \(self.leverage.unitsText))"
    }
}

struct Leg: Hashable, CustomStringConvertible {
    let symbol: String
    let index: Int

    var description: String { self.index == 0 ? self.symbol : "\(self.symbol)/\(self.index)" }
}

/// The stamps by which rows are ordered.
struct RowStamp: Equatable {
    let seq: Int64
    let updated: Int64
}

/// One line of the exchange's record of truth.
enum SoakFact {
    case position(account: String, Leg, LegState, RowStamp, openTime: Int64)
    case mark(symbol: String, price: Int64, cs: Int64)
    /// `subscribed`, `disconnected` … with the name of the topic or kind of socket.
    case socket(kind: String, account: String, connection: Int, text: String)
    case fault(account: String, text: String)
    /// Nothing that a soak looks at.
    case other

    struct Placed {
        let index: Int
        /// Milliseconds since 1970.
        let time: Int64
        let fact: SoakFact
    }

    static func read(_ line: UnsafePointer<CChar>) -> Placed? {
        var fields = LineFields(line)
        guard let index = fields.integer("\"index\":"), let time = fields.integer("\"time\":"),
            let kind = fields.text("\"kind\":\"")
        else { return nil }
        return Placed(index: Int(index), time: time, fact: self.read(kind, &fields) ?? .other)
    }

    private static func read(_ kind: String, _ fields: inout LineFields) -> SoakFact? {
        switch kind {
        case "mark":
            guard fields.text("\"category\":\"") == "linear", let symbol = fields.text("\"symbol\":\""),
                let price = fields.amount("\"mark\":\""), let cs = fields.integer("\"cs\":")
            else { return nil }
            return .mark(symbol: symbol, price: price, cs: cs)
        case "position":
            return self.position(&fields)
        case "fault":
            return .fault(account: fields.text("\"account\":\"") ?? "", text: fields.text("\"text\":\"") ?? "")
        default:
            let account = fields.text("\"account\":\"") ?? ""
            let connection = fields.integer("\"connection\":") ?? 0
            return .socket(
                kind: kind,
                account: account,
                connection: Int(connection),
                text: fields.text("\"text\":\"") ?? ""
            )
        }
    }

    private static func position(_ fields: inout LineFields) -> SoakFact? {
        guard let account = fields.text("\"account\":\""), fields.text("\"category\":\"") == "linear",
            let symbol = fields.text("\"symbol\":\""), let index = fields.integer("\"position_idx\":"),
            let side = fields.text("\"side\":\""), let size = fields.amount("\"size\":\"")
        else { return nil }
        var state = LegState(side: side, size: size)
        state.entry = fields.amount("\"entry_price\":\"") ?? 0
        state.stopLoss = fields.amount("\"stop_loss\":\"") ?? 0
        state.takeProfit = fields.amount("\"take_profit\":\"") ?? 0
        state.trailing = fields.amount("\"trailing_stop\":\"") ?? 0
        state.leverage = fields.amount("\"leverage\":\"") ?? 0
        guard let seq = fields.integer("\"seq\":"), let updated = fields.integer("\"updated_time\":") else {
            return nil
        }
        return .position(
            account: account,
            Leg(symbol: symbol, index: Int(index)),
            state,
            RowStamp(seq: seq, updated: updated),
            openTime: fields.integer("\"open_time\":") ?? 0
        )
    }
}

/// One line of an account's events.
struct SoakEvent {
    enum Kind: Equatable {
        /// `opened` … `closed`.
        case lifecycle
        case resync
        /// `mark` or `fresh`: a price was told.
        case price
        case stale
        /// About the account, not a position.
        case other
    }

    var kind = Kind.other
    /// The cause of a position's event, the event's name otherwise.
    var cause = ""
    var n: Int64 = 0
    var emitted: Int64 = 0
    var leg = Leg(symbol: "", index: 0)
    /// Of lifecycle events and `resync` only.
    var state = LegState.flat
    var mark: Int64 = 0
    var isFromSocket = false
    var isStale = false
    var conflated: Int64 = 0
    var stamp = RowStamp(seq: 0, updated: 0)

    /// Nil for a line that is none: a crash cuts the last one off.
    static func read(_ line: UnsafePointer<CChar>) -> SoakEvent? {
        let length = strlen(line)
        guard length > 2, line[length - 1] == CChar(bitPattern: UInt8(ascii: "}")) else { return nil }
        var fields = LineFields(line)
        guard let name = fields.text("\"event\":\""), let n = fields.integer("\"n\":") else { return nil }
        var event = SoakEvent(cause: name, n: n)
        guard name == "position.update" else {
            event.emitted = fields.integer("\"emitted_ts\":") ?? 0
            return event
        }
        return event.readPosition(&fields) ? event : nil
    }

    private mutating func readPosition(_ fields: inout LineFields) -> Bool {
        guard let cause = fields.text("\"cause\":\""), let source = fields.text("\"source\":\""),
            let symbol = fields.text("\"symbol\":\""), let index = fields.integer("\"position_idx\":")
        else { return false }
        self.cause = cause
        self.isFromSocket = source == "hybrid"
        self.leg = Leg(symbol: symbol, index: Int(index))
        switch cause {
        case "mark", "fresh": self.kind = .price
        case "stale": self.kind = .stale
        case "resync": self.kind = .resync
        default: self.kind = .lifecycle
        }
        let hasState = self.kind == .lifecycle || self.kind == .resync
        if hasState {
            self.state.side = fields.text("\"side\":\"") ?? ""
            self.state.size = fields.amount("\"size\":\"") ?? 0
            self.state.entry = fields.amount("\"entry_price\":\"") ?? 0
        }
        self.mark = fields.amount("\"mark_price\":\"") ?? 0
        if hasState {
            self.state.leverage = fields.amount("\"leverage\":\"") ?? 0
            self.state.stopLoss = fields.amount("\"stop_loss\":\"") ?? 0
            self.state.takeProfit = fields.amount("\"take_profit\":\"") ?? 0
            self.state.trailing = fields.amount("\"trailing_stop\":\"") ?? 0
            self.state = self.state.normalized
        }
        self.isStale = fields.flag("\"stale\":") ?? false
        self.conflated = fields.integer("\"conflated\":") ?? 0
        guard let seq = fields.integer("\"seq\":"), let updated = fields.integer("\"exchange_ts\":"),
            let emitted = fields.integer("\"emitted_ts\":")
        else { return false }
        self.stamp = RowStamp(seq: seq, updated: updated)
        self.emitted = emitted
        return true
    }
}
