import Chaos
import HybridStream
import Orchestrator
import Testing

/// A scripted run: `a0` is the one to whom something happens, `a1` a neighbour that is well.
struct RolloutScript {
    static let victim = "a0"
    static let neighbour = "a1"
    /// When everything is up and positions are known.
    static let start = Duration.seconds(40)

    var modes: [Mode]
    var rollout = RolloutConfiguration()
    var seed: UInt64 = 1
    var end: Duration
    var reconcile = Duration.seconds(60)
    var entries: [ChaosPlan.Entry] = []

    /// - Parameter mode: of the first account; the neighbour is in `hybrid`.
    init(_ mode: Mode, until end: Duration) {
        self.modes = [mode, .hybrid]
        self.end = end
    }

    /// The victim holds two symbols, the neighbour another.
    init(holding mode: Mode, until end: Duration) {
        self.init(mode, until: end)
        self.open(Self.victim, "BTCUSDT", at: .seconds(10))
        self.open(Self.victim, "ETHUSDT", at: .seconds(11))
        self.open(Self.neighbour, "SOLUSDT", at: .seconds(12))
    }

    mutating func add(_ time: Duration, _ step: ChaosStep) { self.entries.append(ChaosPlan.Entry(time, step)) }

    mutating func post(_ time: Duration, _ path: String, _ body: String) {
        self.add(time, .exchange(path: path, body: body))
    }

    /// Until the end of the script, unless it is said how long.
    mutating func fault(_ body: String, at time: Duration = Self.start, for length: Duration? = nil) {
        self.add(time, .faults(body, for: length ?? self.end - time))
    }

    mutating func open(_ account: String, _ symbol: String, at time: Duration, size: Int = 100) {
        let leg = #""account":"\#(account)","symbol":"\#(symbol)""#
        self.post(time, "/positions", #"{\#(leg),"position_idx":0,"side":"Buy","size":"\#(size)"}"#)
    }

    mutating func kill(_ socket: String, of account: String? = nil, at time: Duration = Self.start) {
        let owner = account.map { #","account":"\#($0)""# } ?? ""
        self.post(time, "/connections/kill", #"{"socket":"\#(socket)","how":"reset"\#(owner)}"#)
    }

    /// Nobody gets a connection, and those that there are break.
    mutating func cut(for length: Duration? = nil) {
        self.fault(#"{"refuse_upgrades":{"status":503}}"#, for: length)
        self.kill("all", at: Self.start + .milliseconds(1))
    }

    var plan: ChaosPlan {
        ChaosPlan(
            modes: self.modes,
            rollout: self.rollout,
            seed: self.seed,
            reconcile: self.reconcile,
            until: self.end,
            entries: self.entries
        )
    }

    func run() async -> ChaosRun.Outcome { await ChaosRun.apart(self.plan) }
}

extension ChaosRun.Story {
    /// Changes of an account's mode, in order.
    func changes(_ account: String) -> [ChaosRun.Told] {
        self.told.filter { $0.account == account && $0.event == "rollout" && $0.cause != "gate" }
    }

    func alerts(_ account: String, _ code: String = "auto_rollback") -> [ChaosRun.Told] {
        self.told.filter { $0.account == account && $0.event == "alert" && $0.code == code }
    }

    func names(_ account: String) -> [String] { self.triggers.filter { $0.account == account }.map(\.name) }

    /// What an account was told that is neither a position nor a gate, after it had come up.
    func trouble(_ account: String) -> [ChaosRun.Told] {
        self.told.filter { $0.account == account && $0.time > RolloutScript.start && $0.cause != "gate" }
    }
}

extension ChaosRun.Outcome {
    /// No rule was broken, nobody found a reason to go back, and these accounts were left alone.
    func expectNothing(of accounts: [String], sourceLocation: SourceLocation) {
        #expect(self.violation == nil, sourceLocation: sourceLocation)
        let triggers = self.story.triggers.map { "\($0.account) \($0.name) at \($0.time): \($0.text)" }
        #expect(triggers == [], sourceLocation: sourceLocation)
        for account in accounts {
            #expect(self.story.changes(account) == [], sourceLocation: sourceLocation)
            #expect(self.story.alerts(account) == [], sourceLocation: sourceLocation)
        }
    }
}
