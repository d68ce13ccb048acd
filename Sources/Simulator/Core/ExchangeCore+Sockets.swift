extension ExchangeCore {
    /// Answer to a WebSocket upgrade.
    enum UpgradeAnswer {
        case accept(connection: Int)
        case refuse(status: Int, body: String, contentType: String)
        /// Nobody answers: the TCP connection is cut.
        case cut
    }

    /// Whether TCP connections are taken at all.
    func admitsConnections(now: Int64) -> Bool {
        now >= self.outageUntil
    }

    /// A client asks for an upgrade on `path` (without query) with `query`.
    func upgrade(path: String, query: String, now: Int64) -> UpgradeAnswer {
        self.advance(now: now)
        guard self.admitsConnections(now: now) else { return .cut }
        guard let kind = Self.socketKind(path) else {
            return .refuse(status: 404, body: "404 page not found", contentType: "text/plain")
        }
        if var refusal = self.faults.refusal {
            let applies = Faults.use(&refusal.left)
            self.faults.refusal = applies ? refusal : nil
            if applies {
                self.note(.refused, text: kind.text, detail: .code(refusal.status))
                return .refuse(status: refusal.status, body: refusal.body, contentType: refusal.contentType)
            }
        }
        guard self.limiter.admitsConnection(now: now) else {
            self.note(.refused, text: kind.text, detail: .code(403))
            return .refuse(status: 403, body: "access too frequent", contentType: "text/plain")
        }
        self.lastConnection += 1
        let socket = SocketState(
            number: self.lastConnection,
            kind: kind,
            id: self.connectionID(),
            now: self.now,
            activeTime: Self.activeTime(query) ?? self.behaviour.privateActiveTime
        )
        self.sockets[socket.number] = socket
        self.note(.connected, connection: socket.number, text: kind.text)
        return .accept(connection: socket.number)
    }

    private static func socketKind(_ path: String) -> SocketState.Kind? {
        if path == "/v5/private" { return .account }
        guard path.hasPrefix("/v5/public/") else { return nil }
        return Category(rawValue: String(path.dropFirst("/v5/public/".count))).map { .market($0) }
    }

    private func connectionID() -> String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuv".utf8)
        return self.random.word(alphabet, 20) + "-" + self.random.word(alphabet, 4)
    }

    /// `max_active_time=45s` or `1m`, held between 30 s and 600 s.
    static func activeTime(_ query: String) -> Int64? {
        for pair in query.split(separator: "&") where pair.hasPrefix("max_active_time=") {
            let value = pair.dropFirst("max_active_time=".count)
            let unit: Int64 = value.hasSuffix("m") ? 60 : 1
            guard let number = Int64(value.prefix { $0.isNumber }) else { return nil }
            return min(600, max(30, number * unit)) * 1000
        }
        return nil
    }

    /// The connection is gone; `code` is what the client's close frame said, if there was one.
    func closed(_ connection: Int, code: Int?, now: Int64) {
        self.advance(now: now)
        guard let socket = self.sockets.removeValue(forKey: connection) else { return }
        self.note(
            .disconnected,
            account: socket.account,
            connection: connection,
            text: socket.kind.text,
            detail: .code(code ?? 1006)
        )
        for number in socket.tickers { self.markets[number].subscribers.removeAll { $0 == connection } }
        socket.account?.sockets.removeAll { $0 == connection }
    }

    func close(_ socket: SocketState, _ manner: CloseManner) {
        guard !socket.isClosing else { return }
        socket.isClosing = true
        self.outbox.append(.close(connection: socket.number, manner))
    }

    /// A text message arrived.
    func received(_ bytes: [UInt8], on connection: Int, now: Int64) {
        self.advance(now: now)
        guard let socket = self.sockets[connection], !socket.isHalfOpen, !socket.isClosing else { return }
        guard let message = JSONValue(parsing: bytes), case .object = message else {
            let text = "Failed to decode incoming data:invalid character in JSON"
            self.note(.rejected, account: socket.account, connection: connection, text: text)
            self.acknowledge(socket, "", success: false, text: text, requestID: nil)
            return
        }
        let requestID = message["req_id"]?.text
        let operation = message["op"]?.text ?? ""
        switch operation {
        case "ping": self.pong(socket, requestID: requestID)
        case "auth" where socket.isPrivate: self.authenticate(socket, message, requestID: requestID)
        case "subscribe", "unsubscribe":
            let topics = message["args"]?.array?.compactMap(\.text) ?? []
            switch (socket.kind, operation) {
            case (.market(let category), "subscribe"):
                self.subscribe(socket, category: category, topics, requestID: requestID)
            case (.market, _): self.unsubscribePublic(socket, topics, requestID: requestID)
            case (.account, "subscribe"): self.subscribePrivate(socket, topics, requestID: requestID)
            case (.account, _): self.unsubscribePrivate(socket, topics, requestID: requestID)
            }
        default:
            self.note(.rejected, account: socket.account, connection: connection, text: "error:invalid op \(operation)")
            self.acknowledge(socket, operation, success: false, text: "error:invalid op", requestID: requestID)
        }
    }

    private func pong(_ socket: SocketState, requestID: String?) {
        socket.wasUseful = true
        socket.lastActivity = self.now
        if self.options.recordPings { self.note(.ping, account: socket.account, connection: socket.number) }
        guard !socket.dropsPongs, !self.faults.dropsPongs else { return }
        var json = JSONWriter(capacity: 160)
        if socket.isPrivate {
            json.raw("{")
            json.field("req_id", requestID)
            json.raw("\"op\":\"pong\",\"args\":[\"")
            json.integer(self.wire)
            json.text("\"],\"conn_id\":\"", socket.id)
            json.dropComma()
        } else {
            json.text("{\"success\":true,\"ret_msg\":\"pong\",\"conn_id\":\"", socket.id)
            json.field("req_id", requestID ?? "")
            json.raw("\"op\":\"ping\"")
        }
        json.raw("}")
        if self.faults.pongDelay > 0 {
            let later = Deferred.frame(connection: socket.number, bytes: json.bytes, isData: false)
            self.schedule.add(later, due: self.now + self.faults.pongDelay)
        } else {
            self.send(json.bytes, to: socket, isData: false)
        }
    }

    /// The reply to a request, delayed when a fault says so.
    func acknowledge(_ socket: SocketState, _ operation: String, success: Bool, text: String, requestID: String?) {
        var json = JSONWriter(capacity: 200)
        json.raw("{")
        if socket.isPrivate { json.field("req_id", requestID) }
        json.raw("\"success\":")
        json.bool(success)
        json.raw(",")
        json.field("ret_msg", text)
        if socket.isPrivate {
            json.field("op", operation)
            json.field("conn_id", socket.id)
        } else {
            json.field("conn_id", socket.id)
            json.field("req_id", requestID ?? "")
            json.field("op", operation)
        }
        json.dropComma()
        json.raw("}")
        if self.faults.acknowledgementDelay > 0, operation != "auth" {
            let later = Deferred.frame(connection: socket.number, bytes: json.bytes, isData: false)
            self.schedule.add(later, due: self.now + self.faults.acknowledgementDelay)
        } else {
            self.send(json.bytes, to: socket, isData: false)
        }
    }

    /// Cuts what idles: public sockets that never did anything, private ones at the scan after their time.
    func closeIdleSockets() {
        let scan = max(1, self.behaviour.idleScan)
        let scansNow = self.now / scan != (self.now - 1000) / scan
        for number in self.sockets.keys.sorted() {
            guard let socket = self.sockets[number], !socket.isHalfOpen else { continue }
            if socket.isPrivate {
                if scansNow, self.now - socket.lastActivity >= socket.activeTime { self.close(socket, .drop) }
            } else if !socket.wasUseful, self.now - socket.openedAt >= self.behaviour.publicIdleTimeout {
                self.close(socket, .drop)
            }
        }
    }
}

extension JSONWriter {
    /// `"key":"escaped text",`; nothing for nil.
    mutating func field(_ key: StaticString, _ value: String?) {
        guard let value else { return }
        self.raw("\"")
        self.raw(key)
        self.raw("\":")
        self.quoted(value)
        self.raw(",")
    }
}
