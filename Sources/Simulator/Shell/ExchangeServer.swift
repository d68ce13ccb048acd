import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// The core and its connections, on one event loop.
///
/// Hands inputs to the core with the time, carries out what the core put into its outbox, and keeps the one timer armed
/// that the core needs.
final class ExchangeServer {
    let core: ExchangeCore
    let loop: any EventLoop
    let logger: Logger?
    private var handlers: [Int: ConnectionHandler] = [:]
    private var dirty: [ConnectionHandler] = []
    private var timer: Scheduled<Void>?
    private var armedFor: Int64 = .max
    private let wallStart: Int64
    private let monotonicStart: NIODeadline
    private let names: NIOLockedValueBox<Set<String>>
    private var isStopped = false
    /// Called once when the control API asks for the end.
    var onShutdown: (() -> Void)?

    init(options: SimulatorOptions, loop: any EventLoop, names: NIOLockedValueBox<Set<String>>, logger: Logger?) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        self.wallStart = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        self.monotonicStart = .now()
        self.core = ExchangeCore(options: options, now: self.wallStart)
        self.loop = loop
        self.names = names
        self.logger = logger
        self.arm()
    }

    /// Wall-clock milliseconds that never go back.
    private var now: Int64 {
        self.wallStart + (NIODeadline.now() - self.monotonicStart).nanoseconds / 1_000_000
    }

    func stop() {
        self.isStopped = true
        self.timer?.cancel()
        self.timer = nil
        for handler in self.handlers.values { handler.end(.drop) }
        self.handlers = [:]
    }

    // MARK: Inputs

    func admitsConnections() -> Bool { self.core.admitsConnections(now: self.now) }

    func isMute(_ connection: Int) -> Bool { self.core.sockets[connection]?.isHalfOpen ?? false }

    func upgrade(path: String, query: String, handler: ConnectionHandler) -> ExchangeCore.UpgradeAnswer {
        let answer = self.core.upgrade(path: path, query: query, now: self.now)
        if case .accept(let connection) = answer { self.handlers[connection] = handler }
        return answer
    }

    func received(_ bytes: [UInt8], on connection: Int) {
        self.core.received(bytes, on: connection, now: self.now)
    }

    func closed(_ connection: Int, code: Int?) {
        guard self.handlers.removeValue(forKey: connection) != nil else { return }
        self.core.closed(connection, code: code, now: self.now)
        self.inputEnded()
    }

    /// Nil while the exchange is out: the connection is to be cut.
    func rest(_ request: HTTPRequest) -> RESTReply? {
        let now = self.now
        guard self.core.admitsConnections(now: now) else { return nil }
        return self.core.rest(
            RESTRequest(
                method: request.method,
                path: request.path,
                query: request.query,
                body: request.body,
                apiKey: request.apiKey,
                timestamp: request.timestamp,
                receiveWindow: request.receiveWindow,
                signature: request.signature
            ),
            now: now
        )
    }

    func control(_ method: String, _ target: String, _ body: [UInt8]) -> ControlReply {
        let reply = self.core.control(method, target, body, now: self.now)
        let count = self.core.accounts.count
        self.names.withLockedValue { names in
            if names.count != count { names = Set(self.core.accounts.map(\.name)) }
        }
        return reply
    }

    /// After the last input of a batch: everything the core wants is written, each connection flushed once.
    func inputEnded() {
        self.carryOut()
        self.arm()
    }

    // MARK: Outputs

    private func carryOut() {
        let outbox = self.core.takeOutbox()
        guard !outbox.isEmpty else { return }
        let faults = self.core.faults
        let isPlain = faults.splitBytes == 0 && faults.fragmentBytes == 0 && faults.garbleEvery == 0
        for output in outbox {
            switch output {
            case .frame(let connection, let bytes, let isData):
                guard let handler = self.handlers[connection] else { continue }
                self.touch(handler)
                handler.send(bytes, isData: isData, faults: faults)
            case .broadcast(let bytes, let connections):
                self.broadcast(bytes, connections, faults: isPlain ? nil : faults)
            case .close(let connection, let manner):
                self.handlers[connection]?.end(manner)
            case .shutdown:
                self.onShutdown?()
                self.onShutdown = nil
            }
        }
        let dirty = self.dirty
        self.dirty.removeAll(keepingCapacity: true)
        for handler in dirty { handler.flush() }
    }

    /// The frame is encoded once and the same bytes go to everyone.
    private func broadcast(_ bytes: [UInt8], _ connections: [Int], faults: Faults?) {
        var frame = ByteBuffer()
        if faults == nil { WebSocketFrameWriter.write(bytes, opcode: WebSocketFrameWriter.text, into: &frame) }
        for connection in connections {
            guard let handler = self.handlers[connection] else { continue }
            self.touch(handler)
            if let faults {
                handler.send(bytes, isData: true, faults: faults)
            } else {
                handler.write(frame)
            }
        }
    }

    private func touch(_ handler: ConnectionHandler) {
        if !handler.needsFlush { self.dirty.append(handler) }
    }

    // MARK: Timer

    private func arm() {
        guard !self.isStopped, let due = self.core.nextDeadline, due != self.armedFor || self.timer == nil else {
            return
        }
        self.timer?.cancel()
        self.armedFor = due
        let delay = max(0, due - self.now)
        let server = NIOLoopBound(self, eventLoop: self.loop)
        self.timer = self.loop.scheduleTask(in: .milliseconds(delay)) { server.value.timerFired() }
    }

    private func timerFired() {
        self.timer = nil
        guard !self.isStopped else { return }
        self.core.advance(now: self.now)
        self.inputEnded()
    }
}
