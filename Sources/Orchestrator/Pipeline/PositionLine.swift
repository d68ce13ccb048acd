import HybridStream

/// The pieces of a `position.update` line, in the contract's order.
///
/// A line is `prefix n head mark middle pnl tail ending`. Head and tail depend on the position alone, so
/// ``EventEncoder`` prepares them once per position; the ending is the same for all holders of a mark.
enum PositionLine {
    /// More than all constant text, numbers and prices of a line together; names and the wire's texts come on top.
    static let fixedBound = 1_024

    /// At least as many bytes as any line of this position needs.
    static func bound(_ label: AccountLabel, _ position: Position) -> Int {
        var strings = RawWriter.maxLength(of: position.key.symbol)
        strings += RawWriter.maxLength(of: position.leverage)
        strings += RawWriter.maxLength(of: position.liquidationPrice)
        strings += RawWriter.maxLength(of: position.stopLoss)
        strings += RawWriter.maxLength(of: position.takeProfit)
        strings += RawWriter.maxLength(of: position.trailingStop)
        strings += RawWriter.maxLength(of: position.positionValue)
        return PositionLine.fixedBound + label.positionPrefix.count + strings
    }

    /// A whole line, without anything prepared.
    static func write(
        _ update: PositionUpdate,
        label: AccountLabel,
        n: Int64,
        emittedTime: Int64,
        to writer: inout RawWriter
    ) {
        label.positionPrefix.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            writer.bytes(base, count: bytes.count)
        }
        writer.integer(n)
        self.writeHead(update.position, cause: update.cause, source: update.source, to: &writer)
        self.writeMark(update.mark, to: &writer)
        self.writeProfit(update, to: &writer)
        self.writeTail(update.position, to: &writer)
        self.writeEnding(update, emittedTime: emittedTime, to: &writer)
    }

    /// The same as an array of its own.
    static func bytes(_ update: PositionUpdate, label: AccountLabel, n: Int64, emittedTime: Int64) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: self.bound(label, update.position)) { buffer, count in
            guard let base = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            var writer = RawWriter(base)
            self.write(update, label: label, n: n, emittedTime: emittedTime, to: &writer)
            count = writer.position - base
        }
    }

    /// `,"cause":… ` up to the value of `mark_price`.
    static func writeHead(
        _ position: Position,
        cause: PositionUpdate.Cause,
        source: PositionUpdate.Source,
        to writer: inout RawWriter
    ) {
        let isOpen = position.isOpen
        writer.text(",\"cause\":\"")
        writer.string(cause.rawValue)
        writer.text("\",\"source\":\"")
        writer.string(source.rawValue)
        writer.text("\",\"category\":\"")
        writer.string(position.key.category.rawValue)
        writer.text("\",\"symbol\":\"")
        writer.string(position.key.symbol)
        writer.text("\",\"position_idx\":")
        writer.integer(Int64(position.key.positionIndex))
        writer.text(",\"side\":\"")
        if isOpen { writer.string(position.side.rawValue) }
        writer.text("\",\"size\":\"")
        writer.decimal(isOpen ? position.size : .zero)
        writer.text("\",\"position_amt\":\"")
        writer.decimal(isOpen ? position.amount : .zero)
        writer.text("\",\"entry_price\":\"")
        if isOpen, !position.entryPrice.isZero { writer.decimal(position.entryPrice) }
        writer.text("\",\"mark_price\":\"")
    }

    /// The mark and all up to the value of `unrealized_pnl`.
    @inline(__always)
    static func writeMark(_ mark: FixedPoint?, to writer: inout RawWriter) {
        if let mark { writer.decimal(mark) }
        writer.text("\",\"unrealized_pnl\":\"")
    }

    @inline(__always)
    static func writeProfit(_ update: PositionUpdate, to writer: inout RawWriter) {
        if let profit = update.unrealizedPnL { writer.decimal(profit) }
    }

    /// `","leverage":… ` up to the value of `stale`.
    static func writeTail(_ position: Position, to writer: inout RawWriter) {
        writer.text("\",\"leverage\":\"")
        writer.string(position.leverage)
        writer.text("\",\"liq_price\":\"")
        writer.string(position.liquidationPrice)
        writer.text("\",\"stop_loss\":\"")
        writer.string(position.stopLoss)
        writer.text("\",\"take_profit\":\"")
        writer.string(position.takeProfit)
        writer.text("\",\"trailing_stop\":\"")
        writer.string(position.trailingStop)
        writer.text("\",\"position_value\":\"")
        writer.string(position.positionValue)
        writer.text("\",\"stale\":")
    }

    /// The value of `stale` and the rest of the line.
    static func writeEnding(_ update: PositionUpdate, emittedTime: Int64, to writer: inout RawWriter) {
        writer.text(update.stale ? "true" : "false")
        writer.text(",\"conflated\":")
        writer.integer(Int64(update.conflated))
        writer.text(",\"seq\":")
        writer.integer(update.seq)
        writer.text(",\"exchange_ts\":")
        writer.integer(update.exchangeTime)
        writer.text(",\"received_ts\":")
        writer.integer(update.receivedTime)
        writer.text(",\"emitted_ts\":")
        writer.integer(emittedTime)
        // What is decided depends on the age of the holding, and ids of orders on when it began.
        if update.cause.beginsWatch, update.position.openTime > 0 {
            writer.text(",\"open_ts\":")
            writer.integer(update.position.openTime)
        }
        writer.text("}\n")
    }
}

extension PositionUpdate.Cause {
    /// A holding is heard of for the first time, by whoever reads.
    fileprivate var beginsWatch: Bool {
        switch self {
        case .opened, .flipped, .resync: true
        case .increased, .reduced, .amended, .closed, .mark, .stale, .fresh: false
        }
    }
}
