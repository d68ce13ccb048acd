package import NIOCore

/// The exchange for a simulation in one thread: bytes in, bytes out, and the time as an argument. The same core as behind
/// the real sockets.
///
/// What it has to say comes through the ``VirtualConnection``s, after each call.
package final class VirtualExchange {
    let core: ExchangeCore
    private var connections: [Int: VirtualConnection] = [:]
    /// Called with the symbol of each ticker frame that is put on a connection.
    package var onTicker: ((String) -> Void)?

    package init(options: SimulatorOptions, now: Int64) {
        self.core = ExchangeCore(options: options, now: now)
    }

    /// When ``advance(now:)`` has something to do, in milliseconds since 1970.
    package var nextDeadline: Int64? { self.core.nextDeadline }

    package func advance(now: Int64) {
        self.core.advance(now: now)
        self.carryOut()
    }

    package func admitsConnections(now: Int64) -> Bool { self.core.admitsConnections(now: now) }

    /// A client's TCP connection. Bytes go to `send`; `end` is called once if the exchange ends it.
    package func accept(
        send: @escaping (ByteBuffer) -> Void,
        end: @escaping () -> Void
    ) -> VirtualConnection {
        VirtualConnection(exchange: self, send: send, end: end)
    }

    /// A request to the control API.
    /// - Throws: ``ControlRefusal`` if it is not taken.
    package func control(_ path: String, _ body: String, now: Int64) throws {
        let reply = self.core.control("POST", path, Array(body.utf8), now: now)
        self.carryOut()
        guard reply.status == 200 else {
            throw ControlRefusal(description: "\(path) \(body): \(String(decoding: reply.body, as: UTF8.self))")
        }
    }

    package struct ControlRefusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// A signed or public REST call.
    package struct Reply {
        package var status: Int
        package var headers: [String: String]
        package var body: [UInt8]
        /// Milliseconds until it is sent.
        package var delay: Int64
        /// The connection is cut instead.
        package var isDropped: Bool
    }

    package func rest(
        _ method: String,
        path: String,
        query: String,
        headers: [String: String],
        body: [UInt8],
        now: Int64
    ) -> Reply {
        let reply = self.core.rest(
            RESTRequest(
                method: method,
                path: path,
                query: query,
                body: body,
                apiKey: headers["X-BAPI-API-KEY"],
                timestamp: headers["X-BAPI-TIMESTAMP"],
                receiveWindow: headers["X-BAPI-RECV-WINDOW"],
                signature: headers["X-BAPI-SIGN"]
            ),
            now: now
        )
        self.carryOut()
        var answer = Reply(
            status: reply.status,
            headers: [:],
            body: reply.body,
            delay: reply.delay,
            isDropped: reply.isDropped
        )
        if let limit = reply.limit {
            answer.headers["x-bapi-limit"] = "\(limit.limit)"
            answer.headers["x-bapi-limit-status"] = "\(limit.left)"
            if !reply.withoutResetHeader { answer.headers["x-bapi-limit-reset-timestamp"] = "\(limit.reset)" }
        }
        return answer
    }

    // MARK: Connections

    func register(_ connection: VirtualConnection, number: Int) { self.connections[number] = connection }

    func forget(_ number: Int, code: Int?, now: Int64) {
        guard self.connections.removeValue(forKey: number) != nil else { return }
        self.core.closed(number, code: code, now: now)
        self.carryOut()
    }

    func isMute(_ number: Int) -> Bool { self.core.sockets[number]?.isHalfOpen ?? false }

    func carryOut() {
        for output in self.core.takeOutbox() {
            switch output {
            case .frame(let number, let bytes, let isData):
                if isData { self.noteTicker(bytes) }
                self.connections[number]?.write(bytes, isData: isData, faults: self.core.faults)
            case .broadcast(let bytes, let numbers):
                self.noteTicker(bytes)
                for number in numbers {
                    self.connections[number]?.write(bytes, isData: true, faults: self.core.faults)
                }
            case .close(let number, let manner): self.connections[number]?.end(manner)
            case .shutdown: break
            }
        }
    }
}

extension VirtualExchange {
    private static let tickerStart = Array(#"{"topic":"tickers."#.utf8)

    private func noteTicker(_ frame: [UInt8]) {
        guard let onTicker = self.onTicker, frame.starts(with: Self.tickerStart) else { return }
        let symbol = frame.dropFirst(Self.tickerStart.count).prefix { $0 != UInt8(ascii: "\"") }
        onTicker(String(decoding: symbol, as: UTF8.self))
    }
}

/// A client's connection as the exchange sees it: HTTP until the upgrade, frames afterwards.
package final class VirtualConnection {
    private unowned let exchange: VirtualExchange
    private let send: (ByteBuffer) -> Void
    private let endClient: () -> Void
    private var http = HTTPRequestParser()
    private var frames = WebSocketFrameParser()
    private var number: Int?
    private var pending = ByteBuffer()
    private var closeCode: Int?
    private var isEnded = false
    private var damage = FrameDamage()

    init(exchange: VirtualExchange, send: @escaping (ByteBuffer) -> Void, end: @escaping () -> Void) {
        self.exchange = exchange
        self.send = send
        self.endClient = end
    }

    /// Bytes of the client.
    package func received(_ bytes: ByteBuffer, now: Int64) {
        guard !self.isEnded else { return }
        self.pending.writeImmutableBuffer(bytes)
        while !self.isEnded, self.number == nil {
            guard case .request(let request) = self.http.next(&self.pending) else { return }
            self.upgrade(request, now: now)
        }
        while !self.isEnded, let number = self.number {
            switch self.frames.next(&self.pending) {
            case .needMore: return
            case .message(let bytes):
                self.exchange.core.received(bytes, on: number, now: now)
                self.exchange.carryOut()
            case .ping(let payload):
                if !self.exchange.isMute(number) { self.control(WebSocketFrameWriter.pong, payload) }
            case .pong: break
            case .close(let code):
                self.closeCode = code
                guard !self.exchange.isMute(number) else { continue }
                self.control(WebSocketFrameWriter.close, code.map { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] } ?? [])
                self.end(.drop)
                self.disconnected(now: now)
            case .violation: self.end(.close(1002))
            }
        }
    }

    /// The client's end is gone.
    package func disconnected(now: Int64) {
        self.isEnded = true
        if let number = self.number { self.exchange.forget(number, code: self.closeCode, now: now) }
    }

    private func upgrade(_ request: HTTPRequest, now: Int64) {
        guard request.wantsUpgrade, let key = request.webSocketKey else { return self.end(.reset) }
        switch self.exchange.core.upgrade(path: request.path, query: request.query, now: now) {
        case .accept(let number):
            self.number = number
            self.exchange.register(self, number: number)
            var buffer = ByteBuffer()
            HTTPReplyWriter.switchProtocols(key, into: &buffer)
            self.send(buffer)
        case .refuse(let status, let body, let contentType):
            var buffer = ByteBuffer()
            HTTPReplyWriter.write(status: status, contentType: contentType, body: Array(body.utf8), into: &buffer)
            self.send(buffer)
            self.end(.drop)
        case .cut: self.end(.reset)
        }
        self.exchange.carryOut()
    }

    private func control(_ opcode: UInt8, _ payload: [UInt8]) {
        var buffer = ByteBuffer()
        WebSocketFrameWriter.write(payload, opcode: opcode, into: &buffer)
        self.send(buffer)
    }

    func write(_ bytes: [UInt8], isData: Bool, faults: Faults) {
        guard !self.isEnded else { return }
        for piece in self.damage.frames(bytes, isData: isData, faults: faults) { self.send(piece) }
    }

    func end(_ manner: CloseManner) {
        guard !self.isEnded else { return }
        if case .close(let code) = manner {
            self.control(WebSocketFrameWriter.close, [UInt8(code >> 8 & 255), UInt8(code & 255)])
        }
        self.isEnded = true
        self.endClient()
    }
}
