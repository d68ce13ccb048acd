extension HybridStream: WebSocketDelegate {
    func webSocketOpened(_ socket: WebSocket) {
        self.attemptEnded(.connected)
        self.step { machine, now, actions in machine.opened(now: now, actions: &actions) }
    }

    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer) {
        switch PrivateFrame(text, category: self.settings.category) {
        case .positions(let rows, let refused, _):
            guard self.machine.acceptsRows else { return }
            self.received(rows.filter { $0.key.category == self.settings.category }, now: self.now)
            for refusal in refused where !refusal.isForeign {
                self.reportOnce("position_row_refused", "a position row could not be read: \(refusal)")
                self.step { machine, now, actions in machine.receivedUnreadable(now: now, actions: &actions) }
            }
        case .reply(let reply):
            self.step { machine, now, actions in machine.received(reply: reply, now: now, actions: &actions) }
        case .other:
            break
        case .malformed:
            self.reportOnce("malformed_frame", "the private socket sent a frame that is not readable JSON")
            self.step { machine, now, actions in machine.receivedUnreadable(now: now, actions: &actions) }
        }
    }

    func webSocketReadCompleted(_ socket: WebSocket) {
        self.machine.frameArrived(now: self.now)
        self.observer.batchCompleted()
    }

    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure) {
        guard socket === self.socket else { return }
        self.socket = nil
        self.tracker.connectionLost()
        self.shadow?.connectionLost()
        let isLeaving = self.machine.isLeaving
        if self.machine.state != .stopped, self.machine.mode != .rest, !isLeaving {
            self.closures.add(self.now)
            self.errors.add(self.now)
            self.logger.info(
                "private socket closed",
                metadata: ["account": "\(self.account.name)", "reason": "\(closure)"]
            )
        }
        self.attemptEnded(self.machine.state == .stopped || isLeaving ? .abandoned : .failed)
        let isPaced = self.services.gate.isProbing
        self.step { machine, now, actions in
            machine.closed(reason: closure.text, isPaced: isPaced, now: now, actions: &actions)
        }
        if self.gap == nil, self.machine.hasGap { self.gap = (self.tracker.book.openCount, 0) }
        self.stopPromise?.succeed()
        self.stopPromise = nil
    }
}
