import NIOCore

/// What the machine decides, carried out.
extension HybridStream {
    func step(_ body: (inout AccountMachine, Uptime, inout [AccountMachine.Action]) -> Void) {
        var actions: [AccountMachine.Action] = []
        body(&self.machine, self.now, &actions)
        for action in actions { self.perform(action) }
        if self.machine.isListening != self.wasListening {
            self.wasListening = self.machine.isListening
            self.watcher?.streamListens(self.wasListening, now: self.now)
        }
        self.arm()
    }

    private func perform(_ action: AccountMachine.Action) {
        switch action {
        case .checkKey:
            self.run { stream in
                let verdict = await stream.services.rest.checkKey(stream.account)
                return { stream in
                    stream.step { machine, now, actions in machine.keyChecked(verdict, now: now, actions: &actions) }
                }
            }
        case .requestConnection:
            let urgency: ConnectionBudget.Urgency = self.tracker.book.openCount > 0 ? .holding : .flat
            let gate = self.services.gate
            self.ticket = gate.request(urgency: urgency, on: self.eventLoop) { [weak self] in
                guard let self else { return gate.ended(.abandoned) }
                self.ticket = nil
                self.isAttempting = true
                self.step { machine, now, actions in machine.granted(now: now, actions: &actions) }
                if self.socket == nil { self.attemptEnded(.abandoned) }
            }
        case .connect:
            self.socket = WebSocket(
                to: self.settings.privateEndpoint,
                on: self.eventLoop,
                connector: self.services.environment.connector,
                connectTimeout: self.settings.machine.connectTimeout,
                delegate: self
            )
        case .authenticate:
            self.authenticate()
        case .send(let text):
            self.socket?.send(text)
        case .close(let code, let reason):
            guard let socket = self.socket, !socket.isClosed else {
                // Nothing is there that could report its end.
                self.socket = nil
                self.step { machine, now, actions in machine.closed(reason: reason, now: now, actions: &actions) }
                break
            }
            if let code { socket.close(code: UInt16(code), reason: reason) } else { socket.abort(reason) }
        case .sweep:
            self.sweep()
        case .listingsOverdue:
            self.tracker.rowMarksOverdue(wallTime: self.wallTime)
            self.observer.batchCompleted()
        case .releaseBuffer:
            self.releaseBuffer()
        case .recovered(let reason, let length):
            let gap = self.gap ?? (lost: 0, changes: 0)
            self.gap = nil
            self.observer.streamRecovered(
                StreamRecovery(
                    reason: reason,
                    length: length,
                    lost: gap.lost,
                    restored: self.tracker.book.openCount,
                    changes: gap.changes
                )
            )
        case .stateChanged(let old, let new, let reason):
            self.observer.streamStateChanged(from: old, to: new, reason: reason)
            self.observer.batchCompleted()
        }
    }

    func attemptEnded(_ outcome: ConnectionPace.Outcome) {
        guard self.isAttempting else { return }
        self.isAttempting = false
        self.services.gate.ended(outcome)
    }

    private func authenticate() {
        let credentials = self.account.credentials
        let expires = self.services.clock.nowMilliseconds() + Self.authenticationLead
        do {
            let signature = try Signing.webSocketAuthentication(expires: expires, credentials: credentials)
            self.socket?.send(
                OperationRequest.authenticate(
                    apiKey: credentials.apiKey,
                    expires: expires,
                    signature: signature,
                    requestID: AccountMachine.authenticateRequestID
                )
            )
        } catch {
            self.socket?.abort("the request could not be signed: \(error)")
        }
    }

    /// Runs something slow apart from the loop and brings its outcome back to it.
    func run(_ body: @escaping @Sendable (HybridStream) async -> (@Sendable (HybridStream) -> Void)) {
        let id = self.nextTask
        self.nextTask += 1
        self.tasks[id] = Task(executorPreference: self.services.environment.executor) { [weak self] in
            guard let self else { return }
            let finish = await body(self)
            self.eventLoop.execute {
                self.tasks[id] = nil
                finish(self)
            }
        }
    }

    private func arm() {
        let deadline = self.machine.deadline
        if self.timer != nil, deadline >= self.timerDeadline { return }
        self.timer?.cancel()
        self.timer = nil
        guard deadline < .distantFuture else { return }
        self.timerDeadline = deadline
        self.timer = self.eventLoop.scheduleTask(deadline: deadline.deadline) { [weak self] in
            self?.timer = nil
            self?.step { machine, now, actions in machine.tick(now: now, actions: &actions) }
        }
    }
}
