import HybridStream
import NIOCore
import Simulator

/// The network between a client and the exchange: latency, pieces, and ends that only one side hears of.
final class VirtualNetwork: @unchecked Sendable {
    let time: VirtualTime
    let exchange: VirtualExchange
    private var random: SplitMix64
    /// One way, from … to.
    var latency: ClosedRange<Int64> = 200_000...3_000_000
    /// Reads break off anywhere.
    var splits = false
    /// SYN packets go nowhere.
    var isBlackHole = false
    private(set) var links: [VirtualLink] = []
    /// When a client began to connect, by the virtual clock.
    private(set) var attempts: [Int64] = []

    init(time: VirtualTime, exchange: VirtualExchange, seed: UInt64) {
        self.time = time
        self.exchange = exchange
        self.random = SplitMix64(seed: seed)
    }

    func delay() -> Int64 { Int64.random(in: self.latency, using: &self.random) }

    /// A piece's length: usually everything.
    func piece(of count: Int) -> Int {
        guard self.splits, count > 1, self.random.next() % 3 == 0 else { return count }
        return Int.random(in: 1..<count, using: &self.random)
    }

    func connector() -> WebSocketConnector {
        WebSocketConnector { socket, _, eventLoop, timeout in
            self.connect(socket, on: eventLoop, timeout: timeout)
        }
    }

    private func connect(_ socket: WebSocket, on eventLoop: any EventLoop, timeout: Duration) {
        guard let loop = eventLoop as? VirtualLoop else { preconditionFailure("a loop of another world") }
        self.attempts.append(self.time.nanoseconds)
        if self.isBlackHole {
            self.time.schedule(in: timeout, on: loop) { socket.connectFailed("timed out") }
            return
        }
        self.time.schedule(at: self.time.nanoseconds + self.delay()) {
            guard self.exchange.admitsConnections(now: self.time.exchangeTime) else {
                self.time.schedule(at: self.time.nanoseconds + self.delay(), on: loop) {
                    socket.connectFailed("connection refused")
                }
                return
            }
            let link = VirtualLink(network: self, socket: socket, loop: loop)
            self.links.append(link)
            link.open()
        }
    }

    /// All connections of a process that died.
    func processDied(_ loops: [VirtualLoop]) {
        for link in self.links where loops.contains(where: { $0 === link.loop }) { link.clientDied() }
    }

    func forget(_ link: VirtualLink) { self.links.removeAll { $0 === link } }
}

/// One TCP connection.
final class VirtualLink: WebSocketTransport, @unchecked Sendable {
    private unowned let network: VirtualNetwork
    private let socket: WebSocket
    let loop: VirtualLoop
    private var connection: VirtualConnection?
    private var isClientOpen = true
    private var isExchangeOpen = true
    /// TCP keeps the order: nothing overtakes what was sent before.
    private var lastArrival: Int64 = 0
    private var lastDeparture: Int64 = 0

    init(network: VirtualNetwork, socket: WebSocket, loop: VirtualLoop) {
        self.network = network
        self.socket = socket
        self.loop = loop
    }

    func open() {
        self.connection = self.network.exchange.accept(
            send: { [unowned self] in self.toClient($0) },
            end: { [unowned self] in self.endedByExchange() }
        )
        self.deliver { $0.connected(self) }
    }

    private func deliver(_ body: @escaping (WebSocket) -> Void) {
        self.lastArrival = max(self.lastArrival + 1, self.network.time.nanoseconds + self.network.delay())
        self.network.time.schedule(at: self.lastArrival, on: self.loop) {
            if self.isClientOpen { body(self.socket) }
        }
    }

    private func toClient(_ bytes: ByteBuffer) {
        var rest = bytes
        while rest.readableBytes > 0 {
            guard let piece = rest.readSlice(length: self.network.piece(of: rest.readableBytes)) else { return }
            self.deliver { socket in
                socket.received(piece)
                socket.readCompleted()
            }
        }
    }

    private func endedByExchange() {
        guard self.isExchangeOpen else { return }
        self.isExchangeOpen = false
        self.deliver { socket in
            self.isClientOpen = false
            socket.disconnected()
        }
        self.network.time.schedule(in: .zero) { self.leaveExchange() }
    }

    /// The exchange's end is gone, for whatever reason.
    private func leaveExchange() {
        self.isExchangeOpen = false
        self.connection?.disconnected(now: self.network.time.exchangeTime)
        self.network.forget(self)
    }

    func clientDied() {
        self.isClientOpen = false
        self.depart { self.leaveExchange() }
    }

    private func depart(_ body: @escaping () -> Void) {
        self.lastDeparture = max(self.lastDeparture + 1, self.network.time.nanoseconds + self.network.delay())
        self.network.time.schedule(at: self.lastDeparture, body)
    }

    // MARK: WebSocketTransport

    func write(_ bytes: ByteBuffer) {
        guard self.isClientOpen else { return }
        self.depart {
            if self.isExchangeOpen {
                self.connection?.received(bytes, now: self.network.time.exchangeTime)
            }
        }
    }

    func close() {
        guard self.isClientOpen else { return }
        self.isClientOpen = false
        self.depart { self.leaveExchange() }
        self.network.time.schedule(in: .zero, on: self.loop) { self.socket.disconnected() }
    }
}

/// REST over the virtual network.
final class VirtualREST: RESTTransport, @unchecked Sendable {
    private let network: VirtualNetwork
    private var waiting: [UInt64: CheckedContinuation<RESTReply, any Error>] = [:]
    private var last: UInt64 = 0
    /// When requests left, by the virtual clock, newest last.
    private var departures: [Int64] = []
    private var banEnds: Int64 = 0
    /// Listings of positions that were answered, by the key of their account.
    private(set) var listings: [(key: String, departure: Int64, arrival: Int64)] = []
    /// The first thing that no request should have done; nil if they all kept to the rules.
    private(set) var excess: String?

    init(_ network: VirtualNetwork) { self.network = network }

    func send(
        _ request: RESTRequest,
        headers: [(name: String, value: String)],
        timeout: Duration
    ) async throws(RESTError) -> RESTReply {
        self.last += 1
        self.noteDeparture()
        let id = self.last
        let fields = Dictionary(headers.map { ($0.name.uppercased(), $0.value) }) { first, _ in first }
        let departure = self.network.time.nanoseconds
        defer {
            if request.path == "/v5/position/list", let key = fields["X-BAPI-API-KEY"] {
                self.listings.append((key, departure, self.network.time.nanoseconds))
            }
        }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    self.waiting[id] = continuation
                    self.start(id, request, fields, timeout)
                }
            } onCancel: {
                self.finish(id, .failure(RESTError(.cancelled, message: "cancelled")))
            }
        } catch {
            throw error as? RESTError ?? RESTError(.connectionLost, message: "\(error)")
        }
    }

    private func noteDeparture() {
        let now = self.network.time.nanoseconds
        let limit = VirtualClient.requests
        self.departures.append(now)
        if self.departures.count > limit.count {
            let earlier = self.departures[self.departures.count - 1 - limit.count]
            if earlier > now - limit.per.nanoseconds {
                self.excess = self.excess ?? "more than \(limit.count) requests within \(limit.per)"
            }
        }
        if now < self.banEnds { self.excess = self.excess ?? "a request during a ban" }
    }

    private func start(_ id: UInt64, _ request: RESTRequest, _ headers: [String: String], _ timeout: Duration) {
        let time = self.network.time
        time.schedule(in: timeout) {
            self.finish(id, .failure(RESTError(.timeout, message: "no complete reply in time")))
        }
        if self.network.isBlackHole { return }
        time.schedule(at: time.nanoseconds + self.network.delay()) {
            guard self.network.exchange.admitsConnections(now: time.exchangeTime) else {
                self.finish(id, .failure(RESTError(.connectFailed, message: "connection refused")))
                return
            }
            let reply = self.network.exchange.rest(
                request.method == .get ? "GET" : "POST",
                path: request.path,
                query: String(request.target.dropFirst(request.path.utf8.count + 1)),
                headers: headers,
                body: Array(request.body.utf8),
                now: time.exchangeTime
            )
            time.schedule(at: time.nanoseconds + reply.delay * 1_000_000 + self.network.delay()) {
                if reply.isDropped {
                    self.finish(id, .failure(RESTError(.connectionLost, message: "the connection broke")))
                } else {
                    if reply.status == 403, self.waiting[id] != nil {
                        self.banEnds = time.nanoseconds + VirtualClient.banPause.nanoseconds
                    }
                    let headers = reply.headers
                    self.finish(
                        id,
                        .success(
                            RESTReply(
                                status: reply.status,
                                headers: ReplyHeaders { headers[$0.lowercased()] },
                                body: reply.body
                            )
                        )
                    )
                }
            }
        }
    }

    private func finish(_ id: UInt64, _ result: Result<RESTReply, any Error>) {
        self.waiting.removeValue(forKey: id)?.resume(with: result)
    }

    func shutdown() async throws { self.abort() }

    /// The process that asked is gone.
    func abort() {
        for id in self.waiting.keys.sorted() {
            self.finish(id, .failure(RESTError(.cancelled, message: "cancelled")))
        }
    }
}
