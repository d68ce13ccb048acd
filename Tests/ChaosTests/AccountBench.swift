import HybridStream
import Simulator

@testable import Chaos
@testable import Orchestrator

/// One account of the whole client at an exchange, in virtual time, step by step: for what a script cannot do, because it
/// has to look in between.
///
/// All of it runs on the thread of its test.
final class AccountBench: @unchecked Sendable {
    static let name = "a0"

    /// What became of a command that may take its time.
    final class Outcome: @unchecked Sendable {
        fileprivate(set) var isOver = false
        /// Why nothing was changed.
        fileprivate(set) var refusal: String?
        /// What could not be written down although it was changed.
        fileprivate(set) var unwritten: String?
    }

    let time = VirtualTime()
    let exchange: VirtualExchange
    let client: VirtualClient
    /// What has sent the account back, or would have.
    private(set) var triggers: [String] = []
    /// Lines that are not about positions.
    private(set) var story: [EventLine] = []

    init(_ mode: Mode, reconcile: Duration = .seconds(60), rollout: RolloutConfiguration = RolloutConfiguration()) {
        var options = SimulatorOptions()
        options.accounts = [Self.name]
        options.symbols = 6
        options.seed = 1
        options.activity = .none
        options.recordMarks = false
        options.recordRequests = false
        self.exchange = VirtualExchange(options: options, now: self.time.exchangeTime)
        let network = VirtualNetwork(time: self.time, exchange: self.exchange, seed: 1)
        let store = VirtualStore(self.time)
        store.begin([Self.name: mode])
        self.client = VirtualClient(
            names: [Self.name],
            reconcile: reconcile,
            network: network,
            seed: 1,
            oracle: Oracle(time: self.time, exchange: self.exchange),
            store: store,
            rollout: rollout
        )
        self.client.readers[0].onStory = { [unowned self] in self.story.append($0) }
        self.account.onTrigger = { [unowned self] in self.triggers.append($0.name.rawValue) }
        self.driveExchange()
    }

    deinit {
        self.client.kill()
        self.exchange.onTicker = nil
        self.time.dropAll()
    }

    var account: AccountSupervisor { self.client.accounts[0] }
    var stage: String { self.onLoop { "\($0.stage)" } }
    var snapshot: HybridStream.Snapshot? { self.onLoop { $0.stream?.snapshot(includePositions: true) } }
    var isListening: Bool { self.onLoop { $0.stream?.isListening ?? false } }
    var isLive: Bool { self.snapshot?.state == .live }

    func onLoop<Value>(_ body: (AccountSupervisor) -> Value) -> Value {
        self.time.act(on: self.client.loops[0]) { body(self.account) }
    }

    // MARK: Time

    func run(_ length: Duration) { self.time.run(until: self.time.nanoseconds + length.nanoseconds) { true } }

    /// Returns whether that came about within `limit`.
    func run(until isReached: @escaping () -> Bool, within limit: Duration) -> Bool {
        if isReached() { return true }
        self.time.run(until: self.time.nanoseconds + limit.nanoseconds) { !isReached() }
        return isReached()
    }

    /// Lets time pass as in the daemon, which looks once a second.
    func run(looking length: Duration) {
        for _ in 0..<length.components.seconds {
            self.look()
            self.run(.seconds(1))
        }
    }

    func look() {
        let feed = self.client.feedWatch.look(self.client.feed.makeSnapshot(), now: self.time.now)
        self.onLoop { $0.judge(feed) }
    }

    private func driveExchange() {
        self.exchange.advance(now: self.time.exchangeTime)
        let due = self.exchange.nextDeadline ?? self.time.exchangeTime + 1_000
        self.time.schedule(in: .milliseconds(max(1, due - self.time.exchangeTime))) { [weak self] in
            self?.driveExchange()
        }
    }

    // MARK: The exchange

    func post(_ path: String, _ body: String) throws {
        try self.exchange.control(path, body, now: self.time.exchangeTime)
    }

    func open(_ symbol: String, size: Int = 100) throws {
        let leg = #""account":"\#(Self.name)","symbol":"\#(symbol)","position_idx":0"#
        try self.post("/positions", #"{\#(leg),"side":"Buy","size":"\#(size)"}"#)
    }

    func killPrivate() throws {
        try self.post("/connections/kill", #"{"socket":"private","how":"reset","account":"\#(Self.name)"}"#)
    }

    // MARK: Commands

    /// - Parameter commit: writes it down.
    func change(
        to mode: Mode,
        percent: Int = 0,
        onFailure: CommitFailure = .stay,
        commit: @escaping @Sendable () async throws -> Void = {}
    ) -> Outcome {
        let outcome = Outcome()
        let change = ModeChange(RolloutStage(mode, percent: percent), cause: "promote", text: "")
        Task(executorPreference: self.client.executor) { [account = self.account] in
            do {
                let unwritten = try await account.change(
                    to: change,
                    within: .seconds(30),
                    onFailure: onFailure,
                    commit: commit
                )
                outcome.unwritten = unwritten.map { "\($0)" }
            } catch {
                outcome.refusal = "\(error)"
            }
            outcome.isOver = true
        }
        return outcome
    }

    /// The same, until it is done.
    func changed(to mode: Mode, percent: Int = 0) -> Bool {
        let outcome = self.change(to: mode, percent: percent)
        return self.run(until: { outcome.isOver }, within: .seconds(40)) && outcome.refusal == nil
    }

    /// A store that takes so long to write.
    func slowly(_ length: Duration) -> @Sendable () async throws -> Void {
        { [time] in
            await withCheckedContinuation { continuation in
                time.schedule(in: length) { continuation.resume() }
            }
        }
    }
}
