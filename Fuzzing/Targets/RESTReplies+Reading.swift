@testable import HybridStream

/// What the `result` of a reply says, by the slow reading of its JSON.
struct ResultReading {
    private let document: ReferenceJSON?

    init(_ body: [UInt8]) {
        self.document = ReferenceJSON(body)
    }

    static func check(_ envelope: ReplyEnvelope?, of document: ReferenceJSON) {
        var code: Int64?
        var time: Int64 = 0
        var message: String? = ""
        guard case .object(let members) = document else { return expect(envelope == nil, "a frame from no object") }
        for (key, value) in members {
            switch key.text {
            case "retCode", "ret_code": code = value.integer
            case "retMsg", "ret_msg": message = value.string
            case "time": time = value.integer ?? 0
            default: break
            }
        }
        expect(envelope.map { Int64($0.retCode) } == code, "retCode \(envelope?.retCode ?? -1), not \(code ?? -1)")
        guard let envelope else { return }
        expect(envelope.time == time, "time \(envelope.time), not \(time)")
        if let message { expect(envelope.retMsg.utf8.elementsEqual(message.utf8), "'\(envelope.retMsg)'") }
    }

    func check(_ reply: RESTReply) {
        var positions: (rows: [Position], refused: Int) = ([], 0)
        let listing = self.read(reply) { reader in
            positions = ([], 0)
            return try Listing.read(from: &reader) { reader in
                switch try PositionRow.read(from: &reader, category: .inverse) {
                case .success(let row): positions.rows.append(row)
                case .failure: positions.refused += 1
                }
            }
        }
        let quotes = self.read(reply) { try TickerQuote.readList(from: &$0, time: 1) }
        var instruments: [Instrument] = []
        let instrumentListing = self.read(reply) { reader in
            try Listing.read(from: &reader) { reader in
                if let instrument = try Instrument.read(from: &reader) { instruments.append(instrument) }
            }
        }
        let key = self.read(reply) { try KeyInformation.read(from: &$0) }
        guard let document = self.document else { return }
        guard let elements = self.elements else {
            return expect(listing == nil && quotes == nil && instrumentListing == nil, "a list from nowhere")
        }
        expect(listing?.count == elements.count, "\(listing?.count ?? -1) of \(elements.count) rows")
        if let cursor = document["result"]?["nextPageCursor"]?.string {
            expect(listing?.cursor == cursor, "the cursor")
        }
        PositionRowReading.check(positions.rows, refused: positions.refused, of: elements, category: .inverse)
        self.check(quotes, of: elements)
        if instrumentListing != nil { self.check(instruments, of: elements) }
        if let key { self.check(key, of: document["result"]) }
    }

    /// Nil for a refusal, which is a ``RESTError`` with the code `malformed` by its type and this check.
    private func read<Value>(_ reply: RESTReply, _ body: (inout JSONReader) throws -> Value) -> Value? {
        do throws(RESTError) {
            return try reply.readResult(body)
        } catch {
            expect(error.code == .malformed, "\(error)")
            expect(error.message.utf8.count <= 200, error.message)
            return nil
        }
    }

    private var elements: [ReferenceJSON]? {
        guard case .array(let elements)? = self.document?["result"]?["list"] else { return nil }
        return elements
    }

    private func check(_ quotes: [TickerQuote]?, of elements: [ReferenceJSON]) {
        let rows = elements.filter { $0["symbol"]?.string?.isEmpty == false }
        guard elements.allSatisfy({ if case .object = $0 { true } else { $0.isNull } }) else {
            return expect(quotes == nil, "quotes from rows that are none")
        }
        guard elements.allSatisfy({ $0["symbol"].map { $0.string != nil } ?? true }) else { return }
        expect(quotes?.map(\.symbol) == rows.map { $0["symbol"]?.string ?? "" }, "symbols of quotes")
        for (quote, row) in zip(quotes ?? [], rows) {
            ReferenceDecimal.check(quote.markPrice, of: row["markPrice"]?.scalar ?? [])
            ReferenceDecimal.check(quote.lastPrice, of: row["lastPrice"]?.scalar ?? [])
            ReferenceDecimal.check(quote.indexPrice, of: row["indexPrice"]?.scalar ?? [])
        }
    }

    private func check(_ instruments: [Instrument], of elements: [ReferenceJSON]) {
        guard elements.allSatisfy({ $0["symbol"].map { $0.string != nil } ?? true }) else { return }
        let rows = elements.filter { $0["symbol"]?.string?.isEmpty == false }
        expect(instruments.map(\.symbol) == rows.map { $0["symbol"]?.string ?? "" }, "symbols of instruments")
        for (instrument, row) in zip(instruments, rows) {
            ReferenceDecimal.check(instrument.tickSize, of: row["priceFilter"]?["tickSize"]?.scalar ?? [])
            ReferenceDecimal.check(instrument.qtyStep, of: row["lotSizeFilter"]?["qtyStep"]?.scalar ?? [])
            ReferenceDecimal.check(instrument.minOrderQty, of: row["lotSizeFilter"]?["minOrderQty"]?.scalar ?? [])
            expect(instrument.deliveryTime == row["deliveryTime"]?.integer ?? 0, "deliveryTime")
        }
    }

    private func check(_ key: KeyInformation, of result: ReferenceJSON?) {
        expect(key.userID == result?["userID"]?.integer ?? 0, "userID \(key.userID)")
        expect(key.parentUserID == result?["parentUid"]?.integer ?? 0, "parentUid \(key.parentUserID)")
        let readOnly = result?["readOnly"]
        let isReadOnly = readOnly?.scalar?.isEqual(to: "true") == true || readOnly?.integer == 1
        expect(key.isReadOnly == isReadOnly, "readOnly \(key.isReadOnly)")
    }
}
