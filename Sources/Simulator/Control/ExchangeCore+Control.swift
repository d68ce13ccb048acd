/// The control API, JSON in and out, on a loopback port of its own and in process.
///
/// | request | does |
/// |---|---|
/// | `GET /accounts` | names, keys, secrets and URLs |
/// | `POST /accounts {name}` | adds an account; answers with its key and secret |
/// | `POST /accounts/hedge {account, on}` | hedge mode on or off (409 while positions are open) |
/// | `GET /record?since=I&kinds=a,b&account=A&limit=N` | the record of truth as JSON Lines, `index` rising. Kinds: `connected disconnected refused authenticated auth_failed subscribed unsubscribed rejected ping position mark order execution rest fault control` |
/// | `GET /state` | connections with their topics, open positions, open orders, marks, next record index |
/// | `POST /positions {account, symbol, side, size, position_idx?, stop_loss?, take_profit?, trailing_stop?}` | opens or adds at the current mark |
/// | `POST /positions/close {account, symbol, position_idx?, size?}` | reduces or closes at the current mark |
/// | `POST /positions/stop {account, symbol, position_idx?, stop_loss?, take_profit?, trailing_stop?, active_price?}` | sets stops as a user would; `"0"` clears |
/// | `POST /positions/leverage {account, symbol, position_idx?, leverage}` | a change of settings: a new row with the same `seq` |
/// | `POST /marks {symbol, price, category?}` | mark, last and index jump to this price and are published at once |
/// | `POST /prices {running, interval_ms?}` | lets the prices move by themselves or stand still |
/// | `POST /connections/kill {socket: public\|private\|all, account?, how: reset\|drop\|close\|half_open\|stall\|drop_pongs, code?}` | ends or cripples the open connections; answers with their number |
/// | `POST /faults {…}` | see `Faults`: only the fields named are changed |
/// | `POST /faults/clear` | all faults off, keys good again, stalls and silences over |
/// | `POST /outage {seconds}` | all connections cut, none accepted for that long |
/// | `POST /shutdown` | ends the exchange |
///
/// Fields of `POST /faults`: `refuse_upgrades {status, body?, html?, count?}` · `auth {reject: true \| never: true \| delay_ms,
/// account?, count?}` · `reject_topics [..]` · `ack_delay_ms` · `data_before_ack` · `pong_delay_ms` · `drop_pongs` · `split_frames` (bytes) ·
/// `fragment_frames` (bytes) · `garble` (every n-th data frame) · `reorder_rows` · `duplicate_rows` · `drop_rows` (true or a number)
/// · `delay_rows` (ms) · `rest {path, account?, status?, ret_code?, ret_msg?, html?, no_reset_header?, delay_ms?, drop_reply?, count?, skip?}`
/// (or a list of them) · `clock_skew_ms` · `partial_sweep` (page that fails, `true` = 2) · `stale_sweep` (ms) · `empty_sweep` (true or a number of listings) · `repeat_subscribes` ·
/// `key_state {account: good\|expired\|ip\|wrong_env\|read_only}` · `unknown_fields` · `silence {symbol, category?, sticky?}`. A `false`, `0` or `null` turns a fault off.
struct ControlReply {
    var status = 200
    var body: [UInt8] = Array("{\"ok\":true}".utf8)
    var isLines = false
}

/// A control request that cannot be carried out.
struct ControlFailure: Error {
    let status: Int
    let message: String

    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}

extension ExchangeCore {
    /// Carries out one control request.
    func control(_ method: String, _ target: String, _ body: [UInt8], now: Int64) -> ControlReply {
        self.advance(now: now)
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let path = parts.first ?? "/"
        let query = parts.count > 1 ? parts[1] : ""
        do throws(ControlFailure) {
            if method == "GET" { return try self.controlRead(path, QueryParameters(query)) }
            guard method == "POST" else { throw ControlFailure(405, "use GET or POST") }
            let text = body.isEmpty ? Array("{}".utf8) : body
            guard let value = JSONValue(parsing: text), case .object = value else {
                throw ControlFailure(400, "the body is not a JSON object")
            }
            self.note(.control, text: path)
            return try self.controlWrite(path, value)
        } catch {
            var json = JSONWriter()
            json.raw("{\"error\":")
            json.quoted(error.message)
            json.raw("}")
            return ControlReply(status: error.status, body: json.bytes)
        }
    }

    private func controlRead(_ path: String, _ query: QueryParameters) throws(ControlFailure) -> ControlReply {
        switch path {
        case "/accounts": return ControlReply(body: self.accountList())
        case "/state": return ControlReply(body: self.stateReport())
        case "/record":
            let kinds = Set((query["kinds"] ?? "").split(separator: ",").map(String.init))
            let known = Set(RecordKind.allCases.map(\.text))
            if let stranger = kinds.first(where: { !known.contains($0) }) {
                throw ControlFailure(400, "unknown kind \(stranger); known: \(known.sorted().joined(separator: " "))")
            }
            let lines = self.record.lines(
                since: query["since"].flatMap { Int($0) } ?? 0,
                kinds: kinds,
                account: query["account"],
                limit: query["limit"].flatMap { Int($0) } ?? 100_000
            )
            return ControlReply(body: lines, isLines: true)
        default: throw ControlFailure(404, "no such control: GET \(path)")
        }
    }

    private func controlWrite(_ path: String, _ body: JSONValue) throws(ControlFailure) -> ControlReply {
        switch path {
        case "/accounts":
            guard let name = body["name"]?.text, !name.isEmpty else { throw ControlFailure(400, "name is missing") }
            let account = self.addAccount(name)
            var json = JSONWriter()
            self.writeAccount(account, into: &json)
            return ControlReply(body: json.bytes)
        case "/accounts/hedge":
            let account = try self.controlAccount(body)
            guard self.setHedged(account, body["on"]?.bool ?? true) else {
                throw ControlFailure(409, "close positions and orders of \(account.name) before changing the mode")
            }
        case "/positions": try self.controlOpen(body)
        case "/positions/close": try self.controlClose(body)
        case "/positions/stop": try self.controlStop(body)
        case "/positions/leverage":
            guard let leverage = body["leverage"]?.integer, leverage > 0 else {
                throw ControlFailure(400, "leverage is missing")
            }
            self.amend(try self.controlPosition(body)) { $0.leverage = leverage }
        case "/marks":
            let market = try self.controlMarket(body)
            guard let price = body["price"]?.units, price > 0 else { throw ControlFailure(400, "price is missing") }
            market.pin(to: price)
            self.publish(market)
        case "/prices":
            if let running = body["running"]?.bool { self.pricesRunning = running }
            if let interval = body["interval_ms"]?.integer, interval > 0 { self.tickInterval = interval }
        case "/connections/kill": return try self.controlKill(body)
        case "/faults": try self.setFaults(body)
        case "/faults/clear": self.clearFaults()
        case "/outage":
            guard let seconds = body["seconds"]?.units, seconds >= 0 else {
                throw ControlFailure(400, "seconds is missing")
            }
            self.outageUntil = self.now + seconds / (Units.one / 1000)
            for number in self.sockets.keys.sorted() {
                if let socket = self.sockets[number] { self.close(socket, .reset) }
            }
        case "/shutdown": self.outbox.append(.shutdown)
        default: throw ControlFailure(404, "no such control: POST \(path)")
        }
        return ControlReply()
    }

    private func controlAccount(_ body: JSONValue) throws(ControlFailure) -> Account {
        guard let name = body["account"]?.text else { throw ControlFailure(400, "account is missing") }
        guard let account = self.accountByName[name] else { throw ControlFailure(404, "unknown account \(name)") }
        return account
    }

    private func controlMarket(_ body: JSONValue) throws(ControlFailure) -> Market {
        guard let symbol = body["symbol"]?.text else { throw ControlFailure(400, "symbol is missing") }
        if let name = body["category"]?.text {
            guard let category = Category(rawValue: name), let market = self.market(category, symbol) else {
                throw ControlFailure(404, "unknown symbol \(symbol) in category \(name)")
            }
            return market
        }
        guard let market = self.derivative(symbol) else { throw ControlFailure(404, "unknown symbol \(symbol)") }
        return market
    }

    private func controlPosition(_ body: JSONValue) throws(ControlFailure) -> Position {
        let account = try self.controlAccount(body)
        let market = try self.controlMarket(body)
        let index = Int(body["position_idx"]?.integer ?? 0)
        guard account.index(index, fits: market) else {
            throw ControlFailure(400, "position_idx \(index) does not match the position mode of \(account.name)")
        }
        return account.position(market, index)
    }

    private func controlQuantity(_ body: JSONValue, _ position: Position) throws(ControlFailure) -> Int64? {
        guard let value = body["size"] else { return nil }
        guard let size = value.units, size > 0, position.instrument.hasStep(size) else {
            throw ControlFailure(
                400,
                "size must be a positive multiple of \(Units.text(position.instrument.quantityStep))"
            )
        }
        return size
    }

    private func controlOpen(_ body: JSONValue) throws(ControlFailure) {
        let position = try self.controlPosition(body)
        guard let side = body["side"]?.text.flatMap({ Side(rawValue: $0) }), side != .none else {
            throw ControlFailure(400, "side must be Buy or Sell")
        }
        guard position.index == 0 || (position.index == 1) == (side == .buy) else {
            throw ControlFailure(400, "position_idx 1 is the long leg, 2 the short one")
        }
        guard let size = try self.controlQuantity(body, position) else { throw ControlFailure(400, "size is missing") }
        self.trade(position, side, size)
        if position.state.size > 0,
            body["stop_loss"] != nil || body["take_profit"] != nil || body["trailing_stop"] != nil
        {
            try self.controlStop(body)
        }
    }

    private func controlClose(_ body: JSONValue) throws(ControlFailure) {
        let position = try self.controlPosition(body)
        guard position.state.size > 0 else { throw ControlFailure(409, "there is no such position") }
        let size = try self.controlQuantity(body, position) ?? position.state.size
        self.trade(position, position.state.side.opposite, min(size, position.state.size), reduceOnly: true)
    }

    private func controlStop(_ body: JSONValue) throws(ControlFailure) {
        let position = try self.controlPosition(body)
        guard position.state.size > 0 else { throw ControlFailure(409, "there is no such position") }
        func price(_ key: String) throws(ControlFailure) -> Int64? {
            guard let value = body[key] else { return nil }
            guard let price = value.units, price >= 0 else { throw ControlFailure(400, "\(key) is not a price") }
            return price == 0 ? 0 : position.instrument.onGrid(price)
        }
        let stopLoss = try price("stop_loss")
        let takeProfit = try price("take_profit")
        let trailing = try price("trailing_stop")
        let activation = try price("active_price")
        self.amend(position) { state in
            if let stopLoss { state.stopLoss = stopLoss }
            if let takeProfit { state.takeProfit = takeProfit }
            if let trailing { state.setTrailing(trailing, activation: activation ?? 0) }
        }
    }

    private func controlKill(_ body: JSONValue) throws(ControlFailure) -> ControlReply {
        let which = body["socket"]?.text ?? "all"
        guard ["public", "private", "all"].contains(which) else {
            throw ControlFailure(400, "socket must be public, private or all")
        }
        let account: Account? = body["account"] == nil ? nil : try self.controlAccount(body)
        let how = body["how"]?.text ?? "reset"
        var count = 0
        for number in self.sockets.keys.sorted() {
            guard let socket = self.sockets[number], !socket.isClosing else { continue }
            guard which == "all" || socket.isPrivate == (which == "private") else { continue }
            if let account, socket.account !== account { continue }
            switch how {
            case "reset": self.close(socket, .reset)
            case "drop": self.close(socket, .drop)
            case "close": self.close(socket, .close(Int(body["code"]?.integer ?? 1001)))
            case "half_open": socket.isHalfOpen = true
            case "stall": socket.isStalled = true
            case "drop_pongs": socket.dropsPongs = true
            default: throw ControlFailure(400, "how must be reset, drop, close, half_open, stall or drop_pongs")
            }
            count += 1
        }
        self.note(.fault, account: account, text: "\(how) \(which)", detail: .code(count))
        return ControlReply(body: Array("{\"ok\":true,\"connections\":\(count)}".utf8))
    }
}
