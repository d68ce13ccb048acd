public import HybridStream
public import Orchestrator

/// One thing that is done to the exchange, the network or the client.
public enum ChaosStep: Sendable, CustomStringConvertible {
    /// A request to the exchange's control API: positions that change, connections that break, faults.
    case exchange(path: String, body: String)
    /// Faults that end by themselves.
    case faults(String, for: Duration)
    /// Nobody answers for a while: neither accepted nor refused.
    case blackHole(for: Duration)
    /// A slow network that breaks reads off anywhere.
    case slowNetwork(for: Duration)
    /// The process is killed and started again after a while.
    case crash(down: Duration)
    /// The machine's wall clock is set to another time.
    case wallClock(milliseconds: Int64)
    /// The client's disk takes nothing.
    case fullDisk(for: Duration)
    /// A mark goes up or down.
    case move(symbol: String, perMille: Int)
    /// A mark goes to a price.
    case mark(symbol: String, price: FixedPoint)
    /// An operator has an account go to another mode.
    case change(account: String, to: Mode, percent: Int)
    /// A consumer of the account fails on its next events.
    case consumerFails(account: String, times: Int)
    /// The next listings of the account have other marks than the tickers.
    case skewMarks(account: String, perMille: Int64, listings: Int)

    public var description: String {
        switch self {
        case .exchange(let path, let body): "\(path) \(body)"
        case .faults(let body, let duration): "faults \(body) for \(duration)"
        case .blackHole(let duration): "black hole for \(duration)"
        case .slowNetwork(let duration): "slow network for \(duration)"
        case .crash(let down): "crash, down for \(down)"
        case .wallClock(let milliseconds): "wall clock \(milliseconds) ms off"
        case .fullDisk(let duration): "full disk for \(duration)"
        case .move(let symbol, let perMille): "\(symbol) moves by \(perMille) ‰"
        case .mark(let symbol, let price): "\(symbol) goes to \(price)"
        case .change(let account, let mode, let percent):
            "\(account) is to go to \(RolloutStage(mode, percent: percent))"
        case .consumerFails(let account, let times): "a consumer of \(account) fails, times \(times)"
        case .skewMarks(let account, let perMille, let listings):
            "marks in \(listings) listings of \(account) are \(perMille) ‰ off"
        }
    }

    /// A fault of what consumers ask for.
    var isAboutActions: Bool {
        ["/v5/order/create", "/v5/position/trading-stop"].contains { self.description.contains($0) }
    }

    /// Something that is wrong, rather than an account's ordinary life.
    public var isFault: Bool {
        switch self {
        case .exchange(let path, _): path == "/connections/kill" || path == "/outage"
        case .move, .mark, .change, .consumerFails: false
        default: true
        }
    }
}

/// What happens in one simulation and when: made from a seed, and shrunk by leaving steps out.
public struct ChaosPlan: Sendable {
    public struct Entry: Sendable {
        /// Since the start.
        public var time: Duration
        public var step: ChaosStep

        public init(_ time: Duration, _ step: ChaosStep) {
            self.time = time
            self.step = step
        }
    }

    public var seed: UInt64
    public var accounts: [String]
    public var symbols: Int
    public var isHedged: Bool
    /// Time between two sweeps while all is well.
    public var reconcile: Duration
    public var entries: [Entry]
    /// The accounts have consumers, and these act.
    public let acts: Bool
    /// Operators change the accounts' modes.
    public let rolls: Bool
    /// In which modes the accounts begin; `hybrid` where nothing is said.
    public var modes: [String: Mode] = [:]
    /// When they go back by themselves.
    public var rollout = RolloutConfiguration()
    /// Milliseconds between two steps of the prices.
    public var tickInterval = ChaosPlan.tick
    /// Every change happens while a stream feeds the consumers, so that each must be told.
    public var tellsEveryChange = false
    /// Triggers fire because the script has them fire; who wrote it knows which.
    public var expectsTriggers = false
    /// What they are; without one, consumers so quick and narrow that much happens within a minute.
    public var strategy: Strategy?
    /// When the last step is over and the quiet begins.
    public var quietAt: Duration

    /// Long enough for every back-off, reconcile and retry that may be under way: everything must be well again by then.
    public var quiet = Duration.seconds(100)
    /// A refused key is tried again every five minutes, a topic that was refused twice after two.
    static let quietAfterRefusal = Duration.seconds(400)
    static let quietAfterRefusedTopic = Duration.seconds(250)
    public static let tick = 700

    /// A script instead of chance: one account that acts, for as long as it takes, and nothing that breaks.
    public init(strategy: Strategy, symbols: Int, isHedged: Bool = false, until end: Duration, entries: [Entry]) {
        self.seed = 1
        self.acts = true
        self.rolls = false
        self.strategy = strategy
        self.accounts = ["a0"]
        self.symbols = symbols
        self.isHedged = isHedged
        self.reconcile = .seconds(60)
        self.quietAt = end
        self.entries = entries.sorted { $0.time < $1.time }
    }

    /// A script for accounts `a0`, `a1`, … in these modes, whose consumers only look.
    public init(
        modes: [Mode],
        rollout: RolloutConfiguration = RolloutConfiguration(),
        symbols: Int = 6,
        seed: UInt64 = 1,
        reconcile: Duration = .seconds(60),
        until end: Duration,
        entries: [Entry]
    ) {
        self.seed = seed
        self.acts = false
        self.rolls = true
        self.accounts = modes.indices.map { "a\($0)" }
        self.modes = Dictionary(uniqueKeysWithValues: zip(self.accounts, modes))
        self.rollout = rollout
        self.expectsTriggers = true
        self.symbols = symbols
        self.isHedged = false
        self.reconcile = reconcile
        self.quietAt = end
        self.quiet = .seconds(150)
        self.entries = entries.sorted { $0.time < $1.time }
    }

    /// - Parameters:
    ///   - lasting: how long something happens; nil for a minute or two.
    ///   - isCalm: nothing is wrong but what the exchange says to orders and stops.
    public init(seed: UInt64, acts: Bool = false, rolls: Bool = false, lasting: Duration? = nil, isCalm: Bool = false) {
        var random = SplitMix64(seed: seed &* 0x9E37_79B9 &+ 17)
        self.seed = seed
        self.acts = acts
        self.rolls = rolls
        self.accounts = (0..<Int.random(in: 1...3, using: &random)).map { "a\($0)" }
        self.symbols = Int.random(in: 3...6, using: &random)
        self.isHedged = random.next() % 4 == 0
        self.quietAt = .seconds(Int.random(in: 60...150, using: &random))
        // As much happens in a minute, however many there are.
        let minutes = self.quietAt.milliseconds
        let times = lasting.map { max(1, Int($0.milliseconds / minutes)) } ?? 1
        if let lasting { self.quietAt = lasting }
        self.entries = []
        self.reconcile = .seconds(random.next() % 3 == 0 ? 4 : 30)
        let life = Int.random(in: 5...40, using: &random)
        // Now and then nothing is wrong at all: then every change must be told, one by one.
        let faults = random.next() % 8 == 0 ? 0 : Int.random(in: 1...8, using: &random)
        // The host's clock was never right.
        if faults > 0, random.next() % 3 == 0 {
            self.add(.zero, .wallClock(milliseconds: Int64.random(in: -4_000_000...4_000_000, using: &random)))
        }
        for _ in 0..<times {
            for _ in 0..<life { self.addLife(&random) }
            for _ in 0..<faults { self.addFault(&random) }
            if acts { self.addActing(faults: faults, &random) }
        }
        if rolls { self.addRollout(&random) }
        if isCalm { self.entries.removeAll { $0.step.isFault && !$0.step.isAboutActions } }
        self.entries.sort { $0.time < $1.time }
        self.spaceLies()
    }

    /// Two listings in a row that lack what is there cannot be told from the truth. So the next such lie is not prepared
    /// before the one before it was surely told, and the listing after it has come.
    private mutating func spaceLies() {
        var last = Duration.seconds(-60)
        self.entries.removeAll { entry in
            guard case .faults(let body, _) = entry.step, body.contains("empty_sweep") else { return false }
            if entry.time - last < .seconds(60) { return true }
            last = entry.time
            return false
        }
    }

    /// Whether rows of a private connection that seems to be well may be late or never come.
    public var losesRows: Bool {
        self.mentions(["half_open", "stall", "drop_rows", "garble", "delay_rows", "slow network", "empty_sweep"])
    }

    /// Whether the private connection may tell of a leg and yet keep a change to itself.
    var losesSingleRows: Bool { self.mentions(["drop_rows", "garble", "reorder_rows"]) }

    /// Whether replies over REST may take longer than a poll.
    var delaysREST: Bool { self.mentions(["delay_ms", "slow network"]) }

    private func mentions(_ words: [String]) -> Bool {
        self.entries.contains { entry in words.contains { entry.step.description.contains($0) } }
    }

    private func instant(_ random: inout SplitMix64) -> Duration {
        .milliseconds(Int64.random(in: 0...self.quietAt.milliseconds, using: &random))
    }

    private mutating func add(_ time: Duration, _ step: ChaosStep) {
        self.entries.append(Entry(time, step))
    }

    // MARK: Positions

    private mutating func addLife(_ random: inout SplitMix64) {
        let time = self.instant(&random)
        let account = self.accounts[Int.random(in: self.accounts.indices, using: &random)]
        let symbol = VirtualClient.symbol(Int.random(in: 0..<self.symbols, using: &random))
        let index = self.isHedged ? Int.random(in: 1...2, using: &random) : 0
        let leg = #""account":"\#(account)","symbol":"\#(symbol)","position_idx":\#(index)"#
        let side = self.isHedged ? (index == 1 ? "Buy" : "Sell") : ["Buy", "Sell"][Int(random.next() % 2)]
        let size = 100 * Int.random(in: 1...5, using: &random)
        let open = ChaosStep.exchange(path: "/positions", body: #"{\#(leg),"side":"\#(side)","size":"\#(size)"}"#)
        let close = ChaosStep.exchange(path: "/positions/close", body: "{\(leg)}")
        switch random.next() % 11 {
        case 10:
            // Grown and gone before a sweep or two have passed.
            self.add(time, open)
            self.add(time + .milliseconds(Int.random(in: 300...1_500, using: &random)), close)
        case 0...4: self.add(time, open)
        case 5...6: self.add(time, close)
        case 7:
            let cut = ChaosStep.exchange(path: "/positions/close", body: #"{\#(leg),"size":"100"}"#)
            self.add(time, cut)
        case 8:
            let leverage = Int.random(in: 2...20, using: &random)
            self.add(time, .exchange(path: "/positions/leverage", body: #"{\#(leg),"leverage":\#(leverage)}"#))
        default:
            // Closed and open again within a second.
            self.add(time, open)
            self.add(time + .milliseconds(Int.random(in: 1...400, using: &random)), close)
            self.add(time + .milliseconds(Int.random(in: 401...900, using: &random)), open)
        }
    }

    // MARK: Faults

    private mutating func addFault(_ random: inout SplitMix64) {
        let time = self.instant(&random)
        let length = Duration.milliseconds(Int64.random(in: 300...25_000, using: &random))
        let account = self.accounts[Int.random(in: self.accounts.indices, using: &random)]
        let symbol = VirtualClient.symbol(Int.random(in: 0..<self.symbols, using: &random))
        let milliseconds = Int.random(in: 1...4_000, using: &random)
        let kinds: [ChaosStep] = [
            Self.kill(["public", "private", "all"][Int(random.next() % 3)], &random),
            Self.kill(["public", "private", "all"][Int(random.next() % 3)], &random),
            .exchange(path: "/outage", body: #"{"seconds":\#(Int.random(in: 1...40, using: &random))}"#),
            .blackHole(for: length),
            .slowNetwork(for: length),
            .crash(down: .milliseconds(Int64.random(in: 50...20_000, using: &random))),
            .faults(#"{"ack_delay_ms":\#(milliseconds * 4)}"#, for: length),
            .faults(#"{"data_before_ack":true,"ack_delay_ms":\#(milliseconds)}"#, for: length),
            .faults(#"{"drop_pongs":true}"#, for: length * 2),
            .faults(#"{"pong_delay_ms":\#(milliseconds * 3)}"#, for: length * 2),
            .faults(#"{"split_frames":\#(1 + milliseconds % 50)}"#, for: length),
            .faults(#"{"fragment_frames":\#(1 + milliseconds % 100)}"#, for: length),
            .faults(#"{"garble":\#(2 + milliseconds % 9)}"#, for: length),
            .faults(#"{"reorder_rows":true}"#, for: length),
            .faults(#"{"duplicate_rows":true}"#, for: length),
            .faults(#"{"drop_rows":\#(1 + milliseconds % 5)}"#, for: length),
            .faults(#"{"delay_rows":\#(milliseconds)}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5","ret_code":10006}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5","ret_code":10006,"no_reset_header":true}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5","status":403,"html":true}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5","status":500}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5/position","html":true}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5/position","drop_reply":true}]}"#, for: length),
            .faults(#"{"rest":[{"path":"/v5/position","delay_ms":\#(milliseconds * 4)}]}"#, for: length),
            .faults(#"{"partial_sweep":1}"#, for: length),
            .faults(#"{"empty_sweep":1}"#, for: length),
            .faults(#"{"repeat_subscribes":true}"#, for: length),
            .faults(#"{"stale_sweep":\#(milliseconds)}"#, for: length),
            .faults(#"{"unknown_fields":true}"#, for: length),
            .faults(#"{"auth":{"reject":true,"account":"\#(account)"}}"#, for: length),
            .faults(#"{"auth":{"never":true}}"#, for: length),
            .faults(#"{"auth":{"delay_ms":\#(milliseconds * 3)}}"#, for: length),
            .faults(#"{"reject_topics":["tickers.\#(symbol)"]}"#, for: length),
            .faults(#"{"silence":{"symbol":"\#(symbol)"}}"#, for: length),
            .faults(#"{"reject_topics":["position"]}"#, for: length),
            .faults(#"{"silence":{"symbol":"\#(symbol)","sticky":true}}"#, for: length),
            .faults(#"{"refuse_upgrades":{"status":502,"html":true}}"#, for: length),
            .faults(#"{"key_state":{"\#(account)":"expired"}}"#, for: length),
            .wallClock(milliseconds: Int64(milliseconds) * 1_800 - 3_600_000),
        ]
        let fault = kinds[Int(random.next() % UInt64(kinds.count))]
        self.add(time, fault)
        if fault.description.contains("key_state") { self.quiet = Self.quietAfterRefusal }
        if fault.description.contains("tickers.") { self.quiet = max(self.quiet, Self.quietAfterRefusedTopic) }
        // On a slow network much happens while a connection comes back.
        if random.next() % 6 == 0 {
            self.add(time, .slowNetwork(for: .seconds(4)))
            self.add(time + .milliseconds(50), Self.kill("private", &random))
            for _ in 0..<4 {
                let life = self.entries.count
                self.addLife(&random)
                for place in life..<self.entries.count {
                    self.entries[place].time = time + .milliseconds(Int.random(in: 100...3_000, using: &random))
                }
            }
        }
        // Trouble seldom comes alone.
        if random.next() % 3 == 0 { self.add(time + .milliseconds(milliseconds), Self.kill("all", &random)) }
    }

    /// Changes of mode at any time, many of them while something else happens to the same account.
    private mutating func addRollout(_ random: inout SplitMix64) {
        for account in self.accounts {
            self.modes[account] = Mode.allCases[Int(random.next() % UInt64(Mode.allCases.count))]
            // Some accounts are left alone, so that it shows if the others disturb them.
            if self.accounts.count > 1, random.next() % 4 == 0 { continue }
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let mode = Mode.allCases[Int(random.next() % UInt64(Mode.allCases.count))]
                let percent = [30, 50, 100][Int(random.next() % 3)]
                let change = ChaosStep.change(account: account, to: mode, percent: percent)
                let place = Int.random(in: 0...self.entries.count, using: &random)
                if place < self.entries.count, random.next() % 2 == 0 {
                    let near = Duration.milliseconds(Int.random(in: -120...120, using: &random))
                    self.add(max(.zero, self.entries[place].time + near), change)
                } else {
                    self.add(self.instant(&random), change)
                }
            }
        }
    }

    /// Prices that move as far as consumers care for, and faults of what they ask for.
    private mutating func addActing(faults: Int, _ random: inout SplitMix64) {
        for _ in 0..<Int.random(in: 20...80, using: &random) {
            let symbol = VirtualClient.symbol(Int.random(in: 0..<self.symbols, using: &random))
            let tenths = Int.random(in: -12...12, using: &random)
            self.add(self.instant(&random), .move(symbol: symbol, perMille: tenths))
        }
        guard faults > 0 else { return }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let length = Duration.milliseconds(Int64.random(in: 300...20_000, using: &random))
            let path = ["/v5/order/create", "/v5/position/trading-stop", "/v5/order"][Int(random.next() % 3)]
            let fault = [
                #""drop_reply":true"#, #""ret_code":10006"#, #""ret_code":10016"#, #""status":502,"html":true"#,
                #""delay_ms":\#(Int.random(in: 1...15_000, using: &random))"#, #""ret_code":10001"#,
                #""ret_code":110007"#,
            ][Int(random.next() % 7)]
            let limit = random.next() % 2 == 0 ? #","count":\#(1 + random.next() % 3)"# : ""
            self.add(
                self.instant(&random),
                .faults(#"{"rest":[{"path":"\#(path)",\#(fault)\#(limit)}]}"#, for: length)
            )
            if random.next() % 4 == 0 { self.add(self.instant(&random), .fullDisk(for: length)) }
            if random.next() % 2 == 0 {
                self.add(
                    self.instant(&random),
                    .crash(down: .milliseconds(Int64.random(in: 50...8_000, using: &random)))
                )
            }
        }
    }

    private static func kill(_ socket: String, _ random: inout SplitMix64) -> ChaosStep {
        let how = ["reset", "drop", "close", "half_open", "stall", "drop_pongs"][Int(random.next() % 6)]
        return .exchange(path: "/connections/kill", body: #"{"socket":"\#(socket)","how":"\#(how)"}"#)
    }
}
