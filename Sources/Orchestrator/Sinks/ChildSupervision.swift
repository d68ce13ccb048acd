import Glibc
import HybridStream

/// When a child process is started, what its end means, and how it is brought to an end. Pure: what happened and when goes
/// in, what is to be done comes out.
///
/// A child that ends is started again, after pauses that grow until one has run for ``Settings/stableAfter``. One that ends
/// before that, cannot be started, or does not read is a trouble; it is over when a child has run for so long, or reads.
struct ChildSupervision: Sendable {
    struct Settings: Sendable, Equatable {
        var initialPause: Duration
        var maxPause: Duration
        /// From the end of its input until it is asked to end (SIGTERM).
        var stopTimeout: Duration
        /// From there until it is killed (SIGKILL).
        var grace = Duration.seconds(1)
        /// A child that has run for so long works.
        var stableAfter: Duration
        /// A child that has read nothing for so long, though something waits, does not work.
        var stallAfter = Duration.seconds(30)

        init(_ configuration: ExecSinkConfiguration) {
            self.initialPause = configuration.restart.initial
            self.maxPause = configuration.restart.max
            self.stopTimeout = configuration.stopTimeout
            self.stableAfter = min(configuration.restart.max, .seconds(10))
        }
    }

    enum Input: Sendable, Equatable {
        case start
        case spawned
        case notSpawned(SinkTrouble)
        /// Nothing can be written to it any more.
        case inputClosed
        case exited(ChildExit)
        /// Something was handed over and is not in the pipe yet.
        case blocked
        /// It has read; `isCaughtUp` if nothing waits for it any more.
        case read(isCaughtUp: Bool)
        /// Other settings hold from now on.
        case configured(Settings)
        /// So many events had to be given up since the start.
        case lost(Int64)
        /// Nothing will be written any more.
        case finish
        case timer
    }

    enum Effect: Sendable, Equatable {
        case spawn
        case closeInput
        /// To the child and all it has started.
        case signal(Int32)
        /// What stands in the way has changed; nil if it is over.
        case report(SinkTrouble?)
        /// A child that worked has ended, and another is started after the pause.
        case ended(ChildExit, ran: Duration, pause: Duration)
        /// It would not end by itself.
        case forced(Int32)
        /// No child is left, and none will be started.
        case done
    }

    enum State: Sendable, Equatable {
        case idle, spawning, running, waiting, ended
        /// Its input is at its end; it is expected to end too.
        case leaving
        case terminated
        case killed
    }

    private(set) var settings: Settings
    /// Of the child, in what is reported.
    var label: String
    private(set) var state = State.idle
    private var backoff: Backoff
    private var random: SplitMix64
    /// The next child is the last word: none is started after it.
    private var isFinishing = false
    /// When the present state ends by itself.
    private var deadline: Uptime?
    private var startedAt = Uptime.distantPast
    private var isStable = false
    /// Children in a row that did not become stable.
    private(set) var failures = 0
    private var blockedSince: Uptime?
    private var endTrouble: SinkTrouble?
    private var isStalled = false
    private var lost: Int64 = 0

    /// How long a killed process is waited for at the end.
    private static let lastPatience = Duration.seconds(5)

    init(label: String, settings: Settings, seed: UInt64) {
        self.label = label
        self.settings = settings
        self.backoff = Backoff(initial: settings.initialPause, max: settings.maxPause)
        self.random = SplitMix64(seed: seed)
    }

    /// When ``Input/timer`` is due.
    var nextTimer: Uptime? {
        var next = self.deadline
        func consider(_ time: Uptime) { next = min(next ?? time, time) }
        if self.state == .running {
            if !self.isStable { consider(self.startedAt + self.settings.stableAfter) }
            if let since = self.blockedSince, !self.isStalled { consider(since + self.settings.stallAfter) }
        }
        return next
    }

    mutating func handle(_ input: Input, now: Uptime) -> [Effect] {
        let before = self.trouble
        var effects: [Effect] = []
        self.take(input, now, &effects)
        if self.trouble != before { effects.append(.report(self.trouble)) }
        return effects
    }

    private mutating func take(_ input: Input, _ now: Uptime, _ effects: inout [Effect]) {
        switch (input, self.state) {
        case (.start, .idle):
            self.spawn(&effects)
        case (.spawned, .spawning):
            self.startedAt = now
            self.isStable = false
            self.state = .running
            self.deadline = nil
            if self.isFinishing { self.leave(now, closing: true, &effects) }
        case (.notSpawned(let trouble), .spawning):
            self.failures += 1
            self.endTrouble = trouble
            if self.isFinishing { self.end(&effects) } else { self.pause(now) }
        case (.inputClosed, .running):
            self.leave(now, closing: false, &effects)
        case (.exited(let exit), .running), (.exited(let exit), .leaving), (.exited(let exit), .terminated),
            (.exited(let exit), .killed):
            self.exited(exit, now, &effects)
        case (.blocked, .running):
            if self.blockedSince == nil { self.blockedSince = now }
        case (.read(let isCaughtUp), _):
            self.isStalled = false
            self.blockedSince = isCaughtUp || self.state != .running ? nil : now
            if isCaughtUp { self.lost = 0 }
        case (.lost(let count), _):
            self.lost = count
        case (.configured(let settings), _):
            self.configure(settings, now)
        case (.finish, _):
            self.finish(now, &effects)
        case (.timer, _):
            self.timer(now, &effects)
        default:
            // Too late: it belongs to a state that is over.
            break
        }
    }

    /// A pause that has begun ends as early as the new settings may let it; whoever is to end keeps the time that it
    /// was given.
    private mutating func configure(_ settings: Settings, _ now: Uptime) {
        guard settings != self.settings else { return }
        self.settings = settings
        self.backoff = Backoff(initial: settings.initialPause, max: settings.maxPause)
        guard self.state == .waiting, let deadline = self.deadline else { return }
        self.deadline = min(deadline, now + settings.maxPause)
    }

    private mutating func spawn(_ effects: inout [Effect]) {
        self.state = .spawning
        self.deadline = nil
        effects.append(.spawn)
    }

    private mutating func leave(_ now: Uptime, closing: Bool, _ effects: inout [Effect]) {
        self.state = .leaving
        self.deadline = now + self.settings.stopTimeout
        self.blockedSince = nil
        self.isStalled = false
        if closing { effects.append(.closeInput) }
    }

    private mutating func exited(_ exit: ChildExit, _ now: Uptime, _ effects: inout [Effect]) {
        let ran = now - self.startedAt
        self.blockedSince = nil
        self.isStalled = false
        if self.isFinishing { return self.end(&effects) }
        if self.isStable || ran >= self.settings.stableAfter {
            self.becomeStable()
            self.pause(now)
            effects.append(.ended(exit, ran: ran, pause: (self.deadline ?? now) - now))
        } else {
            self.failures += 1
            let row = self.failures == 1 ? "" : ", and so did the \(self.failures - 1) before it"
            self.endTrouble = SinkTrouble(
                step: "keep up",
                path: self.label,
                errno: 0,
                reason: "it ended with \(exit) after \(ran.milliseconds) ms\(row)"
            )
            self.pause(now)
        }
    }

    private mutating func becomeStable() {
        self.isStable = true
        self.failures = 0
        self.backoff.reset()
        self.endTrouble = nil
    }

    private mutating func pause(_ now: Uptime) {
        self.state = .waiting
        self.deadline = now + self.backoff.next(using: &self.random)
    }

    private mutating func finish(_ now: Uptime, _ effects: inout [Effect]) {
        guard !self.isFinishing else { return }
        self.isFinishing = true
        switch self.state {
        case .idle, .waiting: self.end(&effects)
        case .running: self.leave(now, closing: true, &effects)
        // A program whose start hangs is not waited for longer than one that will not end.
        case .spawning: self.deadline = now + self.settings.stopTimeout
        case .leaving, .terminated, .killed, .ended: break
        }
    }

    private mutating func end(_ effects: inout [Effect]) {
        self.state = .ended
        self.deadline = nil
        effects.append(.done)
    }

    private mutating func timer(_ now: Uptime, _ effects: inout [Effect]) {
        if self.state == .running {
            if !self.isStable, now >= self.startedAt + self.settings.stableAfter { self.becomeStable() }
            if let since = self.blockedSince, now >= since + self.settings.stallAfter { self.isStalled = true }
        }
        guard let deadline = self.deadline, now >= deadline else { return }
        self.deadline = nil
        switch self.state {
        case .waiting:
            self.spawn(&effects)
        case .leaving:
            self.state = .terminated
            self.deadline = now + self.settings.grace
            effects += [.forced(SIGTERM), .signal(SIGTERM)]
        case .terminated:
            self.state = .killed
            self.deadline = now + ChildSupervision.lastPatience
            effects += [.forced(SIGKILL), .signal(SIGKILL)]
        case .killed, .spawning:
            if self.isFinishing { self.end(&effects) }
        case .idle, .running, .ended:
            break
        }
    }

    // MARK: Trouble

    /// What stands in the way at the moment.
    var trouble: SinkTrouble? {
        if let trouble = self.endTrouble { return trouble }
        if self.lost > 0 {
            return SinkTrouble(
                step: "write to",
                path: self.label,
                errno: 0,
                reason: "it does not read, and more waits for it than may be kept",
                consequence: "events are lost to it"
            )
        }
        guard self.isStalled else { return nil }
        return SinkTrouble(
            step: "write to",
            path: self.label,
            errno: 0,
            reason: "it has read nothing for \(self.settings.stallAfter.milliseconds) ms",
            consequence: "events wait"
        )
    }
}
