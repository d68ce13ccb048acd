import Synchronization

/// Where callers wait until the ``RateBudget`` lets them send.
///
/// Decides under its lock and wakes callers outside it. One timer at a time is armed for the earliest moment at which
/// something can change by itself.
public final class RESTGate: Sendable {
    /// Leave to send one request. Must be given back with ``finish(_:outcome:)``.
    public struct Permit: Sendable {
        let ticket: RateBudget.Ticket
    }

    /// Arms a timer; the closure is called at that instant or later.
    public typealias Scheduler = @Sendable (_ instant: Uptime, _ action: @escaping @Sendable () -> Void) -> Void

    private typealias Continuation = CheckedContinuation<Permit, any Error>

    private struct State {
        var budget: RateBudget
        var continuations: [RateBudget.Ticket: Continuation] = [:]
        var lastTicket: RateBudget.Ticket = 0
        var armed: Uptime?
        var isClosed = false
    }

    /// What is left to do once the lock is released.
    private struct Effects {
        var resumptions: [(Continuation, Result<Permit, any Error>)] = []
        var timer: Uptime?
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Uptime
    private let schedule: Scheduler

    public init(budget: RateBudget, now: @escaping @Sendable () -> Uptime, schedule: @escaping Scheduler) {
        self.state = Mutex(State(budget: budget))
        self.now = now
        self.schedule = schedule
    }

    /// Waits for leave to send one request.
    /// - Parameters:
    ///   - account: nil for public calls.
    ///   - endpoint: the path of the call.
    ///   - patience: longest wait; nil for as long as it takes.
    /// - Throws: ``RESTError`` with code `banned` (at once, with the time left in ``RESTError/retryAfter``), `queueFull`
    ///   or `cancelled`.
    public func acquire(
        account: String?,
        endpoint: String,
        priority: RateBudget.Priority,
        patience: Duration? = nil
    ) async throws(RESTError) -> Permit {
        do {
            return try await self.wait(account: account, endpoint: endpoint, priority: priority, patience: patience)
        } catch {
            throw error as? RESTError ?? Self.cancelled
        }
    }

    private func wait(
        account: String?,
        endpoint: String,
        priority: RateBudget.Priority,
        patience: Duration?
    ) async throws -> Permit {
        let ticket = self.state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                var isWaiting = false
                self.change { state, effects in
                    // A cancellation from here on finds the continuation, because it waits for the lock.
                    if state.isClosed || Task.isCancelled {
                        effects.resumptions.append((continuation, .failure(Self.cancelled)))
                    } else if state.budget.enqueue(ticket, account: account, endpoint: endpoint, priority: priority) {
                        state.continuations[ticket] = continuation
                        isWaiting = true
                    } else {
                        let message = "\(state.budget.maxWaiting) calls are waiting for the request budget already"
                        effects.resumptions.append((continuation, .failure(RESTError(.queueFull, message: message))))
                    }
                }
                if isWaiting, let patience { self.giveUp(ticket, after: patience) }
            }
        } onCancel: {
            self.change { state, effects in
                guard let continuation = state.continuations.removeValue(forKey: ticket) else { return }
                state.budget.cancel(ticket)
                effects.resumptions.append((continuation, .failure(Self.cancelled)))
            }
        }
    }

    /// Turns a caller away that still waits then.
    private func giveUp(_ ticket: RateBudget.Ticket, after patience: Duration) {
        // Most have their permit by now.
        guard self.state.withLock({ $0.continuations[ticket] != nil }) else { return }
        self.schedule(self.now() + patience) { [weak self] in
            self?.change { state, effects in
                guard let continuation = state.continuations.removeValue(forKey: ticket) else { return }
                state.budget.cancel(ticket)
                let message = "the request budget was used up for \(patience.milliseconds) ms; nothing was sent"
                effects.resumptions.append((continuation, .failure(RESTError(.queueFull, message: message))))
            }
        }
    }

    /// The request of a permit has ended.
    public func finish(_ permit: Permit, outcome: RateBudget.Outcome) {
        self.change { state, _ in
            state.budget.finish(permit.ticket, outcome: outcome, now: self.now())
        }
    }

    /// Turns away everybody who waits, and everybody who comes.
    public func close() {
        self.change { state, effects in
            state.isClosed = true
            for (ticket, continuation) in state.continuations {
                state.budget.cancel(ticket)
                effects.resumptions.append((continuation, .failure(Self.cancelled)))
            }
            state.continuations.removeAll()
        }
    }

    /// Calls in the current window, and how many it may hold.
    public var usage: (used: Int, limit: Int) {
        let now = self.now()
        return self.state.withLock { ($0.budget.used(now: now), $0.budget.requests) }
    }

    public var ban: RateBudget.Ban { self.state.withLock { $0.budget.ban } }

    /// Callers that wait now.
    public var waitingCount: Int { self.state.withLock { $0.budget.waitingCount } }

    private static var cancelled: RESTError {
        RESTError(.cancelled, message: "cancelled while waiting for the request budget")
    }

    /// Changes the state, hands out what has become free, and carries that out without the lock.
    private func change(_ body: (inout State, inout Effects) -> Void) {
        let effects = self.state.withLock { state in
            var effects = Effects()
            body(&state, &effects)
            self.pump(&state, &effects)
            return effects
        }
        for (continuation, result) in effects.resumptions { continuation.resume(with: result) }
        guard let timer = effects.timer else { return }
        self.schedule(timer) { [weak self] in
            self?.change { state, _ in
                if state.armed == timer { state.armed = nil }
            }
        }
    }

    private func pump(_ state: inout State, _ effects: inout Effects) {
        let now = self.now()
        let grants = state.budget.grant(now: now)
        for ticket in grants.granted {
            guard let continuation = state.continuations.removeValue(forKey: ticket) else { continue }
            effects.resumptions.append((continuation, .success(Permit(ticket: ticket))))
        }
        if !grants.refused.isEmpty {
            var error = RESTError(.banned, message: "no REST call is made while the exchange bans this address")
            if case .paused(let until) = state.budget.ban { error.retryAfter = max(.zero, until - now) }
            for ticket in grants.refused {
                guard let continuation = state.continuations.removeValue(forKey: ticket) else { continue }
                effects.resumptions.append((continuation, .failure(error)))
            }
        }
        if let next = grants.next, state.armed.map({ next < $0 }) ?? true {
            state.armed = next
            effects.timer = next
        }
    }
}
