extension ExchangeCore {
    /// Most characters in the `args` of one public connection.
    private static let argumentLimit = 21_000
    private static let spotArguments = 10

    /// All or nothing: the first topic that does not fit rejects the request.
    func subscribe(_ socket: SocketState, category: Category, _ topics: [String], requestID: String?) {
        var numbers: [Int] = []
        var seen: Set<Int> = []
        var problem: String?
        if topics.isEmpty { problem = "error:handler not found,topic:" }
        if category == .spot, topics.count > Self.spotArguments { problem = "args size >10" }
        if topics.reduce(0, { $0 + $1.utf8.count }) > Self.argumentLimit { problem = "args length exceeds the limit" }
        for topic in topics where problem == nil {
            guard topic.hasPrefix("tickers."),
                let market = self.market(category, String(topic.dropFirst("tickers.".count))),
                !self.faults.rejectedTopics.contains(topic)
            else {
                problem =
                    category == .spot ? "Invalid symbol :[\(topic)]" : "error:handler not found,topic:\(topic)"
                break
            }
            if socket.tickers.contains(market.number) || !seen.insert(market.number).inserted {
                problem = "error:already subscribed,topic:\(topic)"
                break
            }
            numbers.append(market.number)
        }
        if let problem {
            self.note(.rejected, connection: socket.number, text: problem)
            self.acknowledge(socket, "subscribe", success: false, text: problem, requestID: requestID)
            return
        }
        socket.wasUseful = true
        for number in numbers {
            socket.tickers.insert(number)
            self.note(.subscribed, connection: socket.number, text: self.markets[number].topic)
        }
        if self.faults.repeatsSubscriptions, let first = topics.first {
            self.sendSnapshots(numbers, to: socket)
            let text = "error:already subscribed,topic:\(first)"
            return self.acknowledge(socket, "subscribe", success: false, text: text, requestID: requestID)
        }
        let text = category == .spot ? "subscribe" : ""
        if self.faults.dataBeforeAcknowledgement {
            self.sendSnapshots(numbers, to: socket)
            self.acknowledge(socket, "subscribe", success: true, text: text, requestID: requestID)
        } else {
            self.acknowledge(socket, "subscribe", success: true, text: text, requestID: requestID)
            self.sendSnapshots(numbers, to: socket)
        }
    }

    /// The one snapshot of a subscription; deltas follow from here on.
    func sendSnapshots(_ numbers: [Int], to socket: SocketState) {
        for number in numbers where socket.tickers.contains(number) {
            let market = self.markets[number]
            if market.silenced { continue }
            let frame = market.frame(
                snapshot: true,
                groups: [],
                now: self.wire,
                unknownFields: self.faults.unknownFields
            )
            self.send(frame, to: socket, isData: true)
            market.subscribers.append(socket.number)
        }
    }

    func unsubscribePublic(_ socket: SocketState, _ topics: [String], requestID: String?) {
        guard case .market(let category) = socket.kind else { return }
        for topic in topics {
            guard topic.hasPrefix("tickers."),
                let market = self.market(category, String(topic.dropFirst("tickers.".count))),
                socket.tickers.remove(market.number) != nil
            else {
                if self.behaviour.unsubscribeInactiveSucceeds { continue }
                let text = "error:handler not found,topic:\(topic)"
                self.note(.rejected, connection: socket.number, text: text)
                self.acknowledge(socket, "unsubscribe", success: false, text: text, requestID: requestID)
                return
            }
            market.subscribers.removeAll { $0 == socket.number }
            self.note(.unsubscribed, connection: socket.number, text: topic)
        }
        let text = category == .spot ? "unsubscribe" : ""
        self.acknowledge(socket, "unsubscribe", success: true, text: text, requestID: requestID)
    }

    func authenticate(_ socket: SocketState, _ message: JSONValue, requestID: String?) {
        let outcome = self.judge(socket, message["args"]?.array ?? [])
        let account: Account? =
            switch outcome {
            case .accepted(let account): account
            case .refused(let account): account
            }
        if var fault = self.faults.auth, fault.account == nil || fault.account == account?.name {
            let applies = Faults.use(&fault.left)
            self.faults.auth = applies ? fault : nil
            if applies {
                switch fault.mode {
                case .never: return
                case .reject:
                    self.finishAuthentication(socket, .refused(account), requestID: requestID)
                    return
                case .delay:
                    self.schedule.add(
                        .authenticate(connection: socket.number, outcome: outcome, requestID: requestID),
                        due: self.now + fault.delay
                    )
                    return
                }
            }
        }
        self.finishAuthentication(socket, outcome, requestID: requestID)
    }

    private func judge(_ socket: SocketState, _ arguments: [JSONValue]) -> AuthOutcome {
        guard arguments.count == 3, let key = arguments[0].text, let account = self.accountByKey[key] else {
            return .refused(nil)
        }
        guard account.keyState == .good || account.keyState == .readOnly,
            let expires = arguments[1].text, let time = Int64(expires), time > self.wire,
            let signature = arguments[2].text,
            signature == Digest.hmacSHA256(Array("GET/realtime\(expires)".utf8), secret: account.secret)
        else { return .refused(account) }
        if socket.account != nil, !self.behaviour.secondAuthSucceeds { return .refused(account) }
        return .accepted(account)
    }

    func finishAuthentication(_ socket: SocketState, _ outcome: AuthOutcome, requestID: String?) {
        switch outcome {
        case .accepted(let account):
            if socket.account !== account {
                socket.account?.sockets.removeAll { $0 == socket.number }
                socket.account = account
                account.sockets.append(socket.number)
            }
            self.note(.authenticated, account: account, connection: socket.number)
            self.acknowledge(socket, "auth", success: true, text: "", requestID: requestID)
        case .refused(let account):
            self.note(.authFailed, account: account, connection: socket.number)
            self.acknowledge(
                socket,
                "auth",
                success: false,
                text: self.behaviour.authFailure,
                requestID: requestID
            )
            if self.behaviour.closeAfterFailedAuth { self.close(socket, .drop) }
        }
    }

    func subscribePrivate(_ socket: SocketState, _ topics: [String], requestID: String?) {
        func reject(_ text: String) {
            self.note(.rejected, account: socket.account, connection: socket.number, text: text)
            self.acknowledge(socket, "subscribe", success: false, text: text, requestID: requestID)
        }
        guard let account = socket.account else {
            reject("Request not authorized")
            return
        }
        var accepted: [PrivateTopic] = []
        var problem: String? = topics.isEmpty ? "error:handler not found,topic:" : nil
        for name in topics {
            guard let topic = PrivateTopic(name), !self.faults.rejectedTopics.contains(name),
                // The two forms of one topic cannot be mixed in one request.
                !accepted.contains(where: { $0.kind == topic.kind && ($0.category == nil) != (topic.category == nil) })
            else {
                problem = problem ?? "error:handler not found,topic:\(name)"
                continue
            }
            if socket.topics.contains(topic) || accepted.contains(topic) {
                problem = problem ?? "error:already subscribed,topic:\(name)"
                continue
            }
            accepted.append(topic)
        }
        if let problem {
            guard !self.behaviour.privateAllOrNothing, !accepted.isEmpty else {
                reject(problem)
                return
            }
        }
        socket.topics += accepted
        for topic in accepted {
            self.note(.subscribed, account: account, connection: socket.number, text: topic.text)
        }
        self.acknowledge(socket, "subscribe", success: problem == nil, text: problem ?? "", requestID: requestID)
    }

    func unsubscribePrivate(_ socket: SocketState, _ topics: [String], requestID: String?) {
        for name in topics where socket.topics.contains(where: { $0.text == name }) {
            socket.topics.removeAll { $0.text == name }
            self.note(.unsubscribed, account: socket.account, connection: socket.number, text: name)
        }
        self.acknowledge(socket, "unsubscribe", success: true, text: "", requestID: requestID)
    }
}
