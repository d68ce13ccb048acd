public import Logging
import NIOConcurrencyHelpers
public import NIOCore
import NIOPosix
import NIOSSL

/// A Bybit V5 exchange of its own on loopback: public and private WebSockets, REST, and a control API for faults.
///
/// One port serves REST and WebSocket upgrades, a second one the control API (see `ControlReply` for its requests). All of
/// it runs on one event loop around a core that knows neither sockets nor clock.
public final class SimulatedExchange: Sendable {
    /// Port of REST and WebSockets.
    public let port: Int
    /// Port of the control API, when it has one.
    public let controlPort: Int?
    private let options: SimulatorOptions
    private let server: NIOLoopBound<ExchangeServer>
    private let loop: any EventLoop
    private let ownGroup: (any EventLoopGroup)?
    private let listeners: [any Channel]
    private let names: NIOLockedValueBox<Set<String>>
    private let ended: EventLoopPromise<Void>
    private let isStopping = NIOLockedValueBox(false)

    private init(
        options: SimulatorOptions,
        server: NIOLoopBound<ExchangeServer>,
        loop: any EventLoop,
        ownGroup: (any EventLoopGroup)?,
        main: any Channel,
        control: (any Channel)?,
        names: NIOLockedValueBox<Set<String>>
    ) {
        self.options = options
        self.server = server
        self.loop = loop
        self.ownGroup = ownGroup
        self.port = main.localAddress?.port ?? 0
        self.controlPort = control?.localAddress?.port
        self.listeners = [main] + (control.map { [$0] } ?? [])
        self.names = names
        self.ended = loop.makePromise()
    }

    /// Starts an exchange and returns when it listens.
    ///
    /// - Parameters:
    ///   - options: what to simulate.
    ///   - group: the event loops to take one from; nil makes one thread of its own.
    ///   - logger: gets connection errors at debug level; never keys.
    /// - Throws: when the address is taken, or certificate and key cannot be read.
    public static func start(
        _ options: SimulatorOptions,
        group: (any EventLoopGroup)? = nil,
        logger: Logger? = nil
    ) async throws -> SimulatedExchange {
        let ownGroup = group == nil ? MultiThreadedEventLoopGroup(numberOfThreads: 1) : nil
        let loop = (group ?? ownGroup ?? MultiThreadedEventLoopGroup.singleton).next()
        do {
            let names = NIOLockedValueBox(Set(options.accounts))
            let server = try await loop.submit {
                NIOLoopBound(
                    ExchangeServer(options: options, loop: loop, names: names, logger: logger),
                    eventLoop: loop
                )
            }.get()
            let tls = try options.tls.map { try Self.tlsContext(certificate: $0.certificate, key: $0.key) }
            let main = try await Self.listen(server, loop, host: options.host, port: options.port, tls: tls)
            var control: (any Channel)?
            if let port = options.controlPort {
                control = try await Self.listen(server, loop, host: "127.0.0.1", port: port, tls: nil, isControl: true)
            }
            let exchange = SimulatedExchange(
                options: options,
                server: server,
                loop: loop,
                ownGroup: ownGroup,
                main: main,
                control: control,
                names: names
            )
            let urls = exchange.urls
            let ended = exchange.ended
            try await loop.submit {
                server.value.core.urls = urls
                // The reply to the request that asks for the end goes out first.
                server.value.onShutdown = { loop.scheduleTask(in: .milliseconds(50)) { ended.succeed() } }
            }.get()
            return exchange
        } catch {
            try await ownGroup?.shutdownGracefully()
            throw error
        }
    }

    private static func tlsContext(certificate: String, key: String) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: key, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        )
    }

    private static func listen(
        _ server: NIOLoopBound<ExchangeServer>,
        _ loop: any EventLoop,
        host: String,
        port: Int,
        tls: NIOSSLContext?,
        isControl: Bool = false
    ) async throws -> any Channel {
        try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let rawEnd = RawEndHandler()
                    try pipeline.addHandler(rawEnd)
                    guard isControl || server.value.admitsConnections() else {
                        rawEnd.close(withReset: true)
                        return
                    }
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(
                        ConnectionHandler(server: server.value, isControl: isControl, rawEnd: rawEnd)
                    )
                }
            }
            .bind(host: host, port: port)
            .get()
    }

    // MARK: Addresses

    private var isSecure: Bool { self.options.tls != nil }

    private var authority: String { "\(self.options.host):\(self.port)" }

    /// `ws(s)://HOST:PORT/v5/public/CATEGORY` for `linear`, `inverse` or `spot`.
    public func publicURL(category: String) -> String {
        "\(self.isSecure ? "wss" : "ws")://\(self.authority)/v5/public/\(category)"
    }

    /// `ws(s)://HOST:PORT/v5/private`.
    public var privateURL: String { "\(self.isSecure ? "wss" : "ws")://\(self.authority)/v5/private" }

    /// `http(s)://HOST:PORT`, without a path.
    public var restURL: String { "\(self.isSecure ? "https" : "http")://\(self.authority)" }

    /// `http://127.0.0.1:PORT` of the control API, when it has one.
    public var controlURL: String? { self.controlPort.map { "http://127.0.0.1:\($0)" } }

    private var urls: SimulatorURLs {
        SimulatorURLs(
            publicLinear: self.publicURL(category: "linear"),
            publicInverse: self.publicURL(category: "inverse"),
            publicSpot: self.publicURL(category: "spot"),
            privateStream: self.privateURL,
            rest: self.restURL,
            control: self.controlURL
        )
    }

    // MARK: Accounts and control

    /// Key and secret of an account; nil when there is none of that name.
    public func credentials(for account: String) -> (apiKey: String, apiSecret: String)? {
        guard self.names.withLockedValue({ $0.contains(account) }) else { return nil }
        return Credentials.derive(seed: self.options.seed, account: account)
    }

    /// Adds an account; does nothing when it exists.
    public func addAccount(_ name: String) async {
        var json = JSONWriter()
        json.raw("{\"name\":")
        json.quoted(name)
        json.raw("}")
        _ = await self.control("POST", "/accounts", json.string)
    }

    /// One request to the control API, in process: the same code as on its port.
    ///
    /// - Returns: HTTP status and body; status 503 once the exchange is shut down.
    public func control(_ method: String, _ path: String, _ body: String = "") async -> (status: Int, body: String) {
        let server = self.server
        let gone = (503, "{\"error\":\"the exchange is shut down\"}")
        // A loop that was shut down never answers.
        if self.isStopping.withLockedValue({ $0 }) { return gone }
        do {
            return try await self.loop.submit {
                let reply = server.value.control(method, path, Array(body.utf8))
                server.value.inputEnded()
                return (reply.status, String(decoding: reply.body, as: UTF8.self))
            }.get()
        } catch {
            return gone
        }
    }

    /// One line of JSON: `public_linear`, `public_inverse`, `public_spot`, `private`, `rest`, `control`, and
    /// `accounts` with `name`, `api_key` and `api_secret` each.
    public func readyLine() async -> String {
        await self.control("GET", "/accounts").body
    }

    // MARK: End

    /// Returns when someone asked for the end, by `POST /shutdown` or `shutdown()`.
    public func waitForShutdown() async throws {
        try await self.ended.futureResult.get()
    }

    /// Cuts all connections and stops. Later calls do nothing.
    public func shutdown() async throws {
        let isFirst = self.isStopping.withLockedValue { stopping in
            defer { stopping = true }
            return !stopping
        }
        guard isFirst else { return }
        for listener in self.listeners where listener.isActive { try await listener.close() }
        let server = self.server
        try await self.loop.submit { server.value.stop() }.get()
        self.ended.succeed()
        try await self.ownGroup?.shutdownGracefully()
    }
}
