public import NIOCore
import Synchronization

/// Hands out leave to connect, process-wide: the shell of ``ConnectionBudget``.
public final class ConnectionGate: Sendable {
    private struct State {
        var budget: ConnectionBudget
        var callbacks: [ConnectionBudget.Ticket: Callback] = [:]
        var nextTicket: ConnectionBudget.Ticket = 1
        var timerDeadline = Uptime.distantFuture
    }

    private struct Callback: Sendable {
        let eventLoop: any EventLoop
        let body: @Sendable () -> Void
    }

    private let state: Mutex<State>
    private let timerLoop: any EventLoop
    private let time: TimeSource

    public init(
        connections: Int,
        per: Duration,
        pace: ConnectionPace = ConnectionPace(),
        timerLoop: any EventLoop,
        time: TimeSource = .system
    ) {
        self.state = Mutex(State(budget: ConnectionBudget(connections: connections, per: per, pace: pace)))
        self.timerLoop = timerLoop
        self.time = time
    }

    /// Calls `body` on `eventLoop` when a connection may be opened. The attempt counts from then, whatever becomes of it.
    /// - Returns: a ticket for ``cancel(_:)``.
    @discardableResult
    public func request(
        urgency: ConnectionBudget.Urgency,
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable () -> Void
    ) -> ConnectionBudget.Ticket {
        let ticket = self.state.withLock { state in
            let ticket = state.nextTicket
            state.nextTicket += 1
            state.callbacks[ticket] = Callback(eventLoop: eventLoop, body: body)
            state.budget.enqueue(ticket, urgency: urgency)
            return ticket
        }
        self.grant()
        return ticket
    }

    public func cancel(_ ticket: ConnectionBudget.Ticket) {
        self.state.withLock { state in
            state.budget.cancel(ticket)
            state.callbacks[ticket] = nil
        }
    }

    /// Whoever was granted an account's connection tells what became of it, once.
    public func ended(_ outcome: ConnectionPace.Outcome) {
        self.state.withLock { $0.budget.ended(outcome, now: self.time.uptime()) }
        self.grant()
    }

    /// The exchange is out of reach: who fails now need not wait before asking again, the gate lets one at a time try.
    public var isProbing: Bool { self.state.withLock { $0.budget.pace.isProbing } }

    /// Attempts in the current window, and the window's limit.
    public var usage: (used: Int, limit: Int) {
        self.state.withLock { state in (state.budget.used(now: self.time.uptime()), state.budget.connections) }
    }

    /// Callers that wait for leave.
    public var waitingCount: Int { self.state.withLock { $0.budget.waitingCount } }

    /// Decides under the lock, calls outside it.
    private func grant(timer fired: Uptime? = nil) {
        let (granted, next) = self.state.withLock { state -> ([Callback], Uptime?) in
            if fired == state.timerDeadline { state.timerDeadline = .distantFuture }
            let (tickets, next) = state.budget.grant(now: self.time.uptime())
            let callbacks = tickets.compactMap { state.callbacks.removeValue(forKey: $0) }
            guard let next, next < state.timerDeadline else { return (callbacks, nil) }
            state.timerDeadline = next
            return (callbacks, next)
        }
        for callback in granted { callback.eventLoop.execute(callback.body) }
        if let next {
            self.timerLoop.scheduleTask(deadline: next.deadline) { self.grant(timer: next) }
        }
    }
}
