import HybridStream

/// An account on its way out of its sinks: what it has put into them and has not arrived yet.
struct SinkLeaving: Sendable {
    /// One reader's way to the end of what the account has put into its queue.
    private struct Way: Sendable {
        let progress: QueueProgress
        let position: Int64

        var bytesLeft: Int64 { self.progress.bytesLeft(before: self.position) }
    }

    private struct Sink: Sendable {
        let sink: OpenSink
        let label: String
        /// Of a socket one for each reader.
        let ways: [Way]
    }

    let account: String
    private let sinks: [Sink]
    /// Those that have everything and are brought to their end.
    var ending: Set<SinkIdentity> = []

    /// Marks where the account's events end at present.
    init(_ account: String, _ sinks: [OpenSink], _ plan: SinkPlan) {
        self.account = account
        self.sinks = sinks.map { sink in
            let ways: [Way] =
                switch sink {
                case .file(let file): [Way(progress: file.progress, position: file.queue.position(of: account))]
                case .exec(let exec): [Way(progress: exec.progress, position: exec.queue.position(of: account))]
                case .socket(let socket):
                    socket.positions(of: account).map { Way(progress: $0.progress, position: $0.position) }
                }
            return Sink(sink: sink, label: SinkLeaving.label(sink, plan), ways: ways)
        }
    }

    private static func label(_ sink: OpenSink, _ plan: SinkPlan) -> String {
        switch sink {
        case .file(let file): "jsonl \(file.path)"
        // Not the arguments: they may hold secrets.
        case .exec(let exec):
            "exec \(plan.exec(exec.command)?.label ?? exec.command.first ?? "")"
        case .socket(let socket): "socket \(socket.path)"
        }
    }

    var isDelivered: Bool { self.sinks.allSatisfy { $0.ways.allSatisfy { $0.bytesLeft == 0 } } }

    /// Nothing of it was given up.
    var isComplete: Bool { self.sinks.allSatisfy { $0.ways.allSatisfy(\.progress.isComplete) } }

    /// What is missing, for people; one for each sink.
    var pending: [String] {
        self.sinks.compactMap { sink in
            let behind = sink.ways.map(\.bytesLeft).filter { $0 > 0 }
            guard !behind.isEmpty else {
                let isEnding = self.ending.contains(sink.sink.identity)
                return isEnding ? "\(sink.label): has everything; its end is awaited" : nil
            }
            let size = Self.size(behind.reduce(0, +))
            switch sink.sink {
            case .file(let file):
                let reason = file.trouble.map { " (cannot \($0.step): \($0.reason))" } ?? ""
                return "\(sink.label): \(size) not written\(reason)"
            case .exec: return "\(sink.label): \(size) not read"
            case .socket: return "\(sink.label): \(size) not read by \(RolloutText.count(behind.count, "reader"))"
            }
        }
    }

    /// `812 B`, `12 kB`, `3.4 MB`, rounded up.
    static func size(_ bytes: Int64) -> String {
        if bytes < 1_000 { return "\(bytes) B" }
        if bytes < 1_000_000 { return "\((bytes + 999) / 1_000) kB" }
        return "\(FixedPoint(mantissa: Int128((bytes + 99_999) / 100_000), scale: 1).normalized) MB"
    }
}
