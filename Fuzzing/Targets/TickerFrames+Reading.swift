@testable import HybridStream

/// What a frame of the public socket says, by the slow reading of its JSON.
struct PublicFrameReading {
    private let document: ReferenceJSON

    init(_ document: ReferenceJSON) {
        self.document = document
    }

    /// Symbol, kind, prices and stamps; nil if the frame is no ticker's, or one that cannot be read.
    private var ticker: (symbol: [UInt8], isSnapshot: Bool, mark: [UInt8]?, last: [UInt8]?, cs: Int64, ts: Int64)? {
        guard case .string(let topic, _)? = self.document["topic"], topic.count > 8,
            topic.prefix(8).isEqual(to: "tickers."), case .string(let type, _)? = self.document["type"],
            type.isEqual(to: "snapshot") || type.isEqual(to: "delta")
        else { return nil }
        var mark: [UInt8]?
        var last: [UInt8]?
        switch self.document["data"] {
        case nil, .null:
            break
        case .object(let members)?:
            for (key, value) in members where key.isEqual(to: "markPrice") || key.isEqual(to: "lastPrice") {
                guard let price = value.scalar else { return nil }
                if price.isEmpty || value.isNull { continue }
                guard ReferenceDecimal(price).map(\.fits) == true else { return nil }
                if key.isEqual(to: "markPrice") { mark = price } else { last = price }
            }
        default:
            return nil
        }
        return (
            Array(topic.dropFirst(8)), type.isEqual(to: "snapshot"), mark, last,
            self.document["cs"]?.integer ?? 0, self.document["ts"]?.integer ?? 0
        )
    }

    func check(_ frame: PublicFrame, _ bytes: UnsafeRawBufferPointer) {
        switch self.document {
        case .object: break
        case .null:
            guard case .other = frame else { return expect(false, "null is \(frame)") }
            return
        default:
            guard case .malformed = frame else { return expect(false, "no object is \(frame)") }
            return
        }
        // A symbol with a backslash in it is nobody's; the two paths may see that differently.
        if self.document["topic"]?.isEscaped == true { return }
        if let ticker = self.ticker {
            let readings = [TickerFrame(fast: bytes), TickerFrame(tolerant: bytes)]
            expect(readings[1] != nil, "a ticker frame that the tolerant path refuses")
            guard case .ticker(let merged) = frame else { return expect(false, "a ticker frame is \(frame)") }
            for reading in (readings + [merged]).compactMap(\.self) {
                expect(reading.symbol.elementsEqual(ticker.symbol), "symbol \(reading.symbol.text)")
                expect(reading.isSnapshot == ticker.isSnapshot, "snapshot \(reading.isSnapshot)")
                expect(reading.cs == ticker.cs && reading.ts == ticker.ts, "stamps \(reading.cs) \(reading.ts)")
                self.check(reading.markPrice, ticker.mark)
                self.check(reading.lastPrice, ticker.last)
            }
            return
        }
        expect(TickerFrame(fast: bytes) == nil, "the fast path takes what is no ticker frame")
        expect(TickerFrame(tolerant: bytes) == nil, "the tolerant path takes what is no ticker frame")
        self.checkReply(frame)
    }

    private func check(_ price: FixedPoint?, _ bytes: [UInt8]?) {
        if let bytes {
            ReferenceDecimal.check(price, of: bytes)
        } else {
            expect(price == nil, "a price from nowhere: \(price.map { "\($0)" } ?? "")")
        }
    }

    private func checkReply(_ frame: PublicFrame) {
        if let topic = self.document["topic"] {
            switch frame {
            case .other: return
            case .malformed: return expect(topic.string?.hasPrefix("tickers.") != false, "a foreign topic is malformed")
            default: return expect(false, "a topic is \(frame)")
            }
        }
        let reading = OperationReplyReading(self.document)
        switch frame {
        case .reply(let reply): reading.check(reply)
        case .other: reading.check(OperationReply())
        default: expect(false, "an object without topic is \(frame)")
        }
    }
}
