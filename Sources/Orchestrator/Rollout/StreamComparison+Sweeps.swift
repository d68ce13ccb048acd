import HybridStream

extension StreamComparison {
    // MARK: Marks

    mutating func compareMarks(_ sweep: Sweep, _ marks: (String) -> MarkRange?, _ outcome: inout Outcome) {
        self.markDoubts = self.markDoubts.filter { sweep.arrival - $0.value.arrival <= Self.markDoubtAge }
        for (symbol, mark) in Self.worstMarks(sweep.rows, marks) {
            let percent = mark.percent
            let before = self.markDoubts.removeValue(forKey: symbol)
            var isConfirmed = false
            if let before {
                // Both are at least that far apart.
                let shared = min(before.percent, percent)
                self.evidence.noteMark(agreed: shared <= self.limits.agreement, now: sweep.arrival)
                if shared > self.limits.told {
                    self.evidence.noteDivergence(shared, now: sweep.arrival)
                    outcome.confirmed.append(mark.divergence(shared))
                    isConfirmed = true
                }
            }
            if percent > self.limits.told {
                self.markDoubts[symbol] = MarkDoubt(
                    percent: percent,
                    arrival: sweep.arrival,
                    isRepeated: isConfirmed
                )
                if !isConfirmed { outcome.needsConfirmation = true }
            } else {
                self.evidence.noteMark(agreed: true, now: sweep.arrival)
            }
        }
        guard sweep.coversAll else { return }
        // Of what is held no more nobody will ever say anything, and the next holding's mark has nothing to do with it.
        let symbols = Set(sweep.rows.map(\.key.symbol))
        self.markDoubts = self.markDoubts.filter { symbols.contains($0.key) }
    }

    private struct ComparedMark {
        var row: Position
        var mark: FixedPoint
        var range: MarkRange
        var percent: FixedPoint

        func divergence(_ shared: FixedPoint) -> Divergence {
            let key = self.row.key
            return Divergence(
                symbol: key.symbol,
                positionIndex: key.positionIndex,
                kind: .mark,
                percent: shared,
                text: "\(key.symbol): REST has a mark of \(self.mark), the stream had \(self.range.low) to "
                    + "\(self.range.high): \(RolloutText.percent(self.percent)) apart, "
                    + "and \(RolloutText.percent(shared)) or more twice in a row"
            )
        }
    }

    /// One per symbol, by symbol: both legs of a hedge have the same mark, but maybe from different pages.
    private static func worstMarks(
        _ rows: [Position],
        _ marks: (String) -> MarkRange?
    ) -> [(key: String, value: ComparedMark)] {
        var worst: [String: ComparedMark] = [:]
        for row in rows where row.isOpen {
            guard let mark = row.rowMarkPrice, let range = marks(row.key.symbol),
                let percent = range.divergence(of: mark)
            else { continue }
            if let other = worst[row.key.symbol], other.percent >= percent { continue }
            worst[row.key.symbol] = ComparedMark(row: row, mark: mark, range: range, percent: percent)
        }
        return worst.sorted { $0.key < $1.key }
    }

    // MARK: Positions

    mutating func comparePositions(_ sweep: Sweep, _ outcome: inout Outcome) {
        var contents: [PositionKey: PositionContent] = [:]
        for row in sweep.rows { contents[row.key] = PositionContent(row) }
        if sweep.coversAll {
            self.restOpen = []
            for key in Array(self.histories.keys) + Array(self.doubts.keys) where contents[key] == nil {
                contents[key] = .flat
            }
        }
        let start = sweep.departure + (.zero - Self.restLag)
        // What the stream held before it was confirmed is no evidence, and neither is what is forgotten already.
        let isComparable =
            self.confirmedSince.map { $0 <= start } ?? false && sweep.arrival - start <= ContentHistory.kept
        for (key, content) in contents.sorted(by: { $0.key.description < $1.key.description }) {
            if content.isOpen { self.restOpen.insert(key) } else { self.restOpen.remove(key) }
            guard isComparable else { continue }
            self.compare(key, content, since: start, arrival: sweep.arrival, &outcome)
        }
    }

    private mutating func compare(
        _ key: PositionKey,
        _ content: PositionContent,
        since start: Uptime,
        arrival: Uptime,
        _ outcome: inout Outcome
    ) {
        let history = self.histories[key] ?? ContentHistory()
        if history.held(content, since: start) {
            self.doubts[key] = nil
            if content.isOpen { self.seen.insert(key) }
            return
        }
        guard history.isComplete(since: start) else { return }
        guard let doubt = self.doubts[key] else {
            self.doubts[key] = Doubt(content: content, arrival: arrival, isRepeated: false)
            outcome.needsConfirmation = true
            return
        }
        // The stream has this long to tell the doubted content, which would have ended the doubt.
        guard doubt.arrival + Self.streamLag <= arrival else {
            if !doubt.isRepeated { outcome.needsConfirmation = true }
            return
        }
        self.seen.remove(key)
        self.evidence.noteDifference(now: arrival)
        outcome.confirmed.append(Self.divergence(key, content, history.current))
        // A difference that lasts is confirmed anew, by what is found from here on.
        self.doubts[key] = Doubt(content: content, arrival: arrival, isRepeated: true)
    }

    private static func divergence(
        _ key: PositionKey,
        _ rest: PositionContent,
        _ stream: PositionContent
    ) -> Divergence {
        Divergence(
            symbol: key.symbol,
            positionIndex: key.positionIndex,
            kind: .position,
            percent: .zero,
            text: "\(key.symbol) (position index \(key.positionIndex)): REST has \(rest), the stream has \(stream)"
        )
    }
}
