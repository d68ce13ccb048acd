@testable import HybridStream

/// What somebody knows who sees nothing but the changes.
struct ChangeLog {
    private var open: [PositionKey: Position] = [:]
    /// Known from the store only.
    private var restored: Set<PositionKey> = []
    private(set) var count = 0

    func isOpen(_ key: PositionKey) -> Bool { self.open[key] != nil }

    mutating func restore(_ positions: [Position]) {
        for position in positions where position.isOpen && self.open[position.key] == nil {
            self.open[position.key] = position
            self.restored.insert(position.key)
        }
    }

    mutating func take(_ change: PositionBook.Change, from origin: PositionBook.Origin) {
        self.count += 1
        let position = change.position
        let before = self.open[position.key]
        let text = "\(change.cause) of \(position.key): \(before.map { Self.facts($0) } ?? []) \(Self.facts(position))"
        switch change.cause {
        case .opened: expect(before == nil && position.isOpen, text)
        case .closed: expect(before != nil && !position.isOpen, text)
        case .resync: expect(self.restored.contains(position.key) && position.isOpen, text)
        case .increased, .reduced, .flipped, .amended:
            guard let before else { return expect(false, text) }
            expect(position.isOpen, text)
            expect((position.side != before.side) == (change.cause == .flipped), text)
            if change.cause == .increased { expect(position.size > before.size, text) }
            if change.cause == .reduced { expect(position.size < before.size, text) }
            if change.cause == .amended {
                let isMoved = origin == .stream && position.liquidationPrice != before.liquidationPrice
                expect(position.size == before.size, text)
                // A sweep's liquidation price is taken over silently, so one of the socket's may differ from that.
                expect(isMoved || origin == .stream || Self.facts(position) != Self.facts(before), text)
            }
        case .mark, .stale, .fresh: expect(false, text)
        }
        self.restored.remove(position.key)
        self.open[position.key] = position.isOpen ? position : nil
    }

    func checkEquals(_ book: PositionBook) {
        let known = self.open.map { "\($0.key) \(Self.facts($0.value))" }.sorted()
        let held = book.openPositions.map { "\($0.key) \(Self.facts($0))" }.sorted()
        expect(known == held, "the events leave \(known), the book holds \(held)")
        expect(book.openCount == held.count, "the book counts \(book.openCount) of \(held.count)")
    }

    /// What makes an event when it changes.
    private static func facts(_ position: Position) -> [String] {
        [
            position.side.rawValue, "\(position.size.normalized)", "\(position.entryPrice.normalized)",
            position.leverage, position.stopLoss, position.takeProfit, position.trailingStop,
        ]
    }
}

/// What a frame of the private socket says, by the slow reading of its JSON.
struct PrivateFrameReading {
    private let document: ReferenceJSON

    init(_ document: ReferenceJSON) {
        self.document = document
    }

    func check(_ frame: PrivateFrame, category: Category) {
        switch self.document {
        case .object:
            guard let topic = self.document["topic"].map(\.string) ?? "" else { return }
            if topic == "position" || topic.hasPrefix("position."), self.document["data"] != nil {
                self.check(positions: frame, category: category)
            } else {
                self.check(other: frame, topic: topic)
            }
        case .null:
            guard case .other = frame else { return expect(false, "null is \(frame)") }
        default:
            guard case .malformed = frame else { return expect(false, "no object is \(frame)") }
        }
    }

    private func check(positions frame: PrivateFrame, category: Category) {
        switch (self.document["data"], frame) {
        case (.array(let elements)?, .positions(let rows, let refused, let time)):
            PositionRowReading.check(rows, refused: refused.count, of: elements, category: category)
            expect(time == self.document["creationTime"]?.integer ?? 0, "creationTime \(time)")
        case (.null?, .positions(let rows, let refused, _)):
            expect(rows.isEmpty && refused.isEmpty, "rows from nowhere")
        case (.array?, _), (.null?, _):
            expect(false, "a list of positions is \(frame)")
        case (_, .positions): expect(false, "positions without a list")
        default: break
        }
    }

    private func check(other frame: PrivateFrame, topic: String) {
        let reading = OperationReplyReading(self.document)
        switch frame {
        case .other: if topic.isEmpty { reading.check(OperationReply()) }
        case .reply(let reply):
            expect(topic.isEmpty, "a topic is a reply")
            reading.check(reply)
        default: expect(false, "an object without positions is \(frame)")
        }
    }
}
