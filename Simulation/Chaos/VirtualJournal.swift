import HybridStream
import Orchestrator

/// The store's part of acting, on a disk that takes its time. What a crash finds unwritten is lost.
final class VirtualJournal: ActionRecorder, @unchecked Sendable {
    private let time: VirtualTime
    /// They lie in one file.
    private let store: VirtualStore
    private let complain: (String) -> Void
    private var generation = 0
    /// The close of a holding that is under way, as the client sees it, by account and holding.
    private var closes: [String: String] = [:]
    /// When each action got onto the disk, in the exchange's time.
    private(set) var committed: [String: Int64] = [:]
    /// When the disk first had its end, in the exchange's time.
    private(set) var finished: [String: Int64] = [:]
    /// In the order in which they were written.
    private(set) var actions: [String: ActionRecord] = [:]
    private var order: [String] = []
    private var states: [String: [String: ConsumerStateRecord]] = [:]
    /// The disk takes nothing: what somebody waits for fails, the rest is written later.
    var isFull = false {
        didSet {
            self.wasFull = self.wasFull || self.isFull
            guard !self.isFull else { return }
            let waiting = self.waiting
            self.waiting = []
            for body in waiting { body() }
        }
    }
    private var waiting: [() -> Void] = []
    private(set) var wasFull = false
    /// The disk takes so long.
    var latency = Duration.milliseconds(3)

    init(_ time: VirtualTime, _ store: VirtualStore, complain: @escaping (String) -> Void) {
        self.time = time
        self.store = store
        self.complain = complain
    }

    private var writing = 0
    /// Something is on its way to the disk.
    var isWriting: Bool { self.writing > 0 || !self.waiting.isEmpty }

    func crashed() {
        self.generation += 1
        self.waiting = []
        self.writing = 0
        // What is not on the disk never was, and what is not finished there is looked up by the next process.
        self.closes = [:]
        for id in self.order {
            if let record = self.actions[id], !record.isFinished { self.noteClose(record) }
        }
    }

    /// At most one closing action of a holding is under way.
    private func noteClose(_ record: ActionRecord) {
        guard record.action == "close_position" else { return }
        let holding = "\(record.account) \(record.opening)"
        if record.isFinished {
            if self.closes[holding] == record.orderLinkID { self.closes[holding] = nil }
        } else if let other = self.closes.updateValue(record.orderLinkID, forKey: holding), other != record.orderLinkID
        {
            self.complain("\(record.orderLinkID) is begun while \(other) is under way")
        }
    }

    private func write(in delay: Duration, _ body: @escaping () -> Void) {
        let generation = self.generation
        self.writing += 1
        self.time.schedule(in: delay) {
            guard generation == self.generation else { return }
            self.writing -= 1
            if self.isFull { self.waiting.append(body) } else { body() }
        }
    }

    func recordAction(
        _ record: ActionRecord,
        states: [ConsumerStateRecord],
        committed: (@Sendable (Result<Void, StoreError>) -> Void)?
    ) {
        if self.isFull, let committed {
            let generation = self.generation
            self.time.schedule(in: self.latency) {
                if generation == self.generation {
                    committed(.failure(StoreError(kind: .write, path: "store", reason: "the disk is full")))
                }
            }
            return
        }
        self.noteClose(record)
        let count = self.store.count
        self.write(in: committed == nil ? .milliseconds(60) : self.latency) {
            self.store.write(through: count)
            self.put(record, states)
            committed?(.success(()))
        }
    }

    private func put(_ record: ActionRecord, _ states: [ConsumerStateRecord]) {
        if var known = self.actions[record.orderLinkID] {
            known.outcome = record.outcome
            known.returnCode = record.returnCode
            known.text = record.text
            known.updatedTime = record.updatedTime
            self.actions[record.orderLinkID] = known
        } else {
            self.actions[record.orderLinkID] = record
            self.committed[record.orderLinkID] = self.time.exchangeTime
            self.order.append(record.orderLinkID)
        }
        if record.isFinished, self.finished[record.orderLinkID] == nil {
            self.finished[record.orderLinkID] = self.time.exchangeTime
        }
        for state in states { self.put(state) }
    }

    private func put(_ state: ConsumerStateRecord) {
        self.states[state.account, default: [:]]["\(state.opening.key) \(state.consumer)"] = state
    }

    func recordStates(account: String, _ states: [ConsumerStateRecord]) {
        self.write(in: .milliseconds(60)) { for state in states { self.put(state) } }
    }

    func dropStates(account: String, _ key: PositionKey) {
        self.write(in: .milliseconds(60)) {
            self.states[account] = self.states[account]?.filter { $0.value.opening.key != key }
        }
    }

    func states(of account: String) -> [ConsumerStateRecord] {
        (self.states[account] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    }

    func inOrder(of account: String) -> [ActionRecord] {
        self.order.compactMap { self.actions[$0] }.filter { $0.account == account }
    }

    func unfinished(of account: String) -> [ActionRecord] {
        self.order.compactMap { self.actions[$0] }.filter { $0.account == account && !$0.isFinished }
    }
}
