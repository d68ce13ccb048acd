extension ExchangeCore {
    /// Answers one REST request.
    func rest(_ request: RESTRequest, now: Int64) -> RESTReply {
        self.advance(now: now)
        self.lastRequest += 1
        var reply = RESTReply()
        reply.time = self.wire
        reply.trace = String(SeededRandom.mix(UInt64(self.lastRequest)), radix: 16)
        let account = request.apiKey.flatMap { self.accountByKey[$0] }
        defer {
            if self.options.recordRequests {
                self.note(
                    .rest,
                    account: account,
                    text: request.path,
                    detail: .rest(retCode: reply.retCode, status: reply.status)
                )
            }
        }
        guard self.limiter.admitsRequest(now: self.now) else {
            reply.status = 403
            reply.contentType = "text/plain"
            reply.body = Array("access too frequent".utf8)
            return reply
        }
        if let fault = self.restFault(request, account: account) {
            reply.delay = fault.delay
            reply.withoutResetHeader = fault.withoutResetHeader
            reply.isDropped = fault.dropsReply
            if let status = fault.status {
                reply.status = status
                reply.contentType = fault.html ? "text/html" : "text/plain"
                reply.body = Array((fault.html ? Self.html(status) : "error \(status)").utf8)
                return reply
            }
            if fault.html {
                reply.contentType = "text/html"
                reply.body = Array(Self.html(200).utf8)
                return reply
            }
            if let code = fault.retCode {
                if code == 10006 { reply.limit = (50, 0, self.wire + 1000) }
                self.fail(&reply, RESTFailure(code, fault.retMessage))
                return reply
            }
        }
        self.answer(request, into: &reply)
        return reply
    }

    private static func html(_ status: Int) -> String {
        "<html><head><title>\(status)</title></head><body><h1>Request blocked</h1><hr>cloudfront</body></html>"
    }

    private func restFault(_ request: RESTRequest, account: Account?) -> Faults.Rest? {
        for position in self.faults.rest.indices {
            let fault = self.faults.rest[position]
            guard request.path.hasPrefix(fault.path) else { continue }
            if let name = fault.account, name != account?.name { continue }
            if fault.skip > 0 {
                self.faults.rest[position].skip -= 1
                continue
            }
            guard Faults.use(&self.faults.rest[position].left) else { continue }
            return fault
        }
        return nil
    }

    private func answer(_ request: RESTRequest, into reply: inout RESTReply) {
        do throws(RESTFailure) {
            let result: [UInt8]
            if request.path.hasPrefix("/v5/market/") {
                result = try self.answerMarket(request)
            } else {
                guard request.apiKey != nil, request.signature != nil, request.timestamp != nil else {
                    reply.status = 401
                    reply.body = []
                    return
                }
                let account = try self.verify(request)
                try self.count(request.path, account, into: &reply)
                if request.method == "POST", account.keyState == .readOnly {
                    throw RESTFailure(10005, "Permission denied, please check your API key permissions.")
                }
                result = try self.answerSigned(request, account)
            }
            var json = JSONWriter(capacity: result.count + 120)
            let message = request.path.hasPrefix("/v5/user") ? "" : "OK"
            json.text("{\"retCode\":0,\"retMsg\":\"", message)
            json.raw("\"result\":")
            json.append(result)
            json.raw(",\"retExtInfo\":{},\"time\":")
            json.integer(self.wire)
            json.raw("}")
            reply.body = json.bytes
        } catch {
            if error.code == 404 {
                reply.status = 404
                reply.contentType = "text/plain"
                reply.body = Array("404 page not found".utf8)
            } else {
                self.fail(&reply, error)
            }
        }
    }

    private func fail(_ reply: inout RESTReply, _ failure: RESTFailure) {
        var json = JSONWriter(capacity: 200)
        json.raw("{\"retCode\":")
        json.integer(failure.code)
        json.raw(",\"retMsg\":")
        json.quoted(failure.message)
        json.raw(",\"result\":{},\"retExtInfo\":{},\"time\":")
        json.integer(self.wire)
        json.raw("}")
        reply.retCode = failure.code
        reply.body = json.bytes
    }

    /// Key, time and signature, over the bytes as they came.
    private func verify(_ request: RESTRequest) throws(RESTFailure) -> Account {
        guard let key = request.apiKey, let account = self.accountByKey[key], account.keyState != .wrongEnvironment
        else { throw RESTFailure(10003, "API key is invalid.") }
        let text = request.timestamp ?? ""
        let window = request.receiveWindow ?? "5000"
        let receiveWindow = Int64(window) ?? 5000
        guard let time = Int64(text), time >= self.wire - receiveWindow, time < self.wire + 1000 else {
            throw RESTFailure(
                10002,
                "invalid request, please check your server timestamp or recv_window param. "
                    + "req_timestamp[\(text)],server_timestamp[\(self.wire)],recv_window[\(window)]"
            )
        }
        var plain = Array("\(text)\(key)\(request.receiveWindow ?? "")".utf8)
        if request.method == "POST" { plain += request.body } else { plain += Array(request.query.utf8) }
        guard Digest.hmacSHA256(plain, secret: account.secret) == request.signature else {
            throw RESTFailure(10004, "error sign! origin_string[\(String(decoding: plain, as: UTF8.self))]")
        }
        switch account.keyState {
        case .expired: throw RESTFailure(33004, "Your api key has expired.")
        case .ip: throw RESTFailure(10010, "Unmatched IP, please check your API key's bound IP addresses.")
        case .good, .readOnly, .wrongEnvironment: return account
        }
    }

    private func count(_ path: String, _ account: Account, into reply: inout RESTReply) throws(RESTFailure) {
        let limit = self.limiter.endpointLimit(path)
        let second = self.now / 1000
        var window = account.windows[path] ?? (second, 0)
        if window.second != second { window = (second, 0) }
        window.count += 1
        account.windows[path] = window
        let exceeded = self.limiter.limits.enforced && window.count > limit
        reply.limit = (limit, max(0, limit - window.count), exceeded ? (second + 1) * 1000 : self.wire)
        if exceeded { throw RESTFailure(10006, "Too many visits. Exceeded the API Rate Limit.") }
    }

    private func answerSigned(_ request: RESTRequest, _ account: Account) throws(RESTFailure) -> [UInt8] {
        switch (request.method, request.path) {
        case ("GET", "/v5/position/list"): return try self.listPositions(account, QueryParameters(request.query))
        case ("GET", "/v5/order/realtime"): return try self.listOrders(account, QueryParameters(request.query))
        case ("GET", "/v5/order/history"):
            return try self.listOrders(account, QueryParameters(request.query), onlyEnded: true)
        case ("GET", "/v5/account/wallet-balance"): return self.walletBalance(account, QueryParameters(request.query))
        case ("GET", "/v5/account/info"): return self.accountInfo()
        case ("GET", "/v5/user/query-api"): return self.queryKey(account)
        case ("POST", let path):
            guard let body = JSONValue(parsing: request.body), case .object = body else {
                throw .parameter("Request parameter error.")
            }
            switch path {
            case "/v5/order/create": return try self.createOrder(account, body)
            case "/v5/order/cancel": return try self.cancelOrder(account, body)
            case "/v5/order/cancel-all": return try self.cancelAll(account, body)
            case "/v5/position/trading-stop": return try self.tradingStop(account, body)
            case "/v5/position/switch-mode": return try self.switchMode(account, body)
            case "/v5/position/set-leverage": return try self.setLeverage(account, body)
            default: throw RESTFailure(404, "")
            }
        default: throw RESTFailure(404, "")
        }
    }
}
