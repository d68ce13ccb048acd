import HybridStream
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// What all accounts share while the fleet runs: loops, TLS, REST, the ticker feed.
struct FleetServices: Sendable {
    let group: MultiThreadedEventLoopGroup
    let rest: RESTClient
    let gate: ConnectionGate
    let feed: TickerFeed
    let loops: [FleetLoop]
    let stream: HybridStream.Services
    let streamSettings: HybridStream.Settings
    let recent = RecentEvents()
    let instruments: InstrumentBook

    /// - Throws: ``OrchestratorError`` if an endpoint or a trust root cannot be used.
    init(_ configuration: Configuration, endpoints: ExchangeEndpoints, logger: Logger) throws(OrchestratorError) {
        guard let publicEndpoint = WebSocketEndpoint("\(endpoints.publicWebSocket)"),
            let privateEndpoint = WebSocketEndpoint("\(endpoints.privateWebSocket)")
        else { throw OrchestratorError(.configuration, "an endpoint is not a WebSocket URL") }
        let tls = try Self.tls(configuration.exchange.tlsCAFile)
        let context: NIOSSLContext?
        do {
            let isSecure = publicEndpoint.isSecure || privateEndpoint.isSecure
            context = isSecure ? try NIOSSLContext(configuration: tls) : nil
        } catch {
            throw OrchestratorError(.configuration, "TLS cannot be set up: \(error)")
        }
        let environment = StreamEnvironment.system(tls: context)
        let settings = configuration.stream
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: configuration.runtime.threads ?? System.coreCount
        )
        let first = group.next()
        let clock = ServerClock()
        var restSettings = RESTSettings()
        restSettings.budgetRequests = settings.restBudget.requests
        restSettings.budgetPer = settings.restBudget.per
        restSettings.banPause = settings.restBanPause
        self.rest = RESTClient(
            baseURL: "\(endpoints.rest)",
            settings: restSettings,
            tlsConfiguration: endpoints.rest.scheme.isEncrypted ? tls : nil,
            eventLoopGroup: group,
            logger: logger,
            clock: clock
        )
        self.gate = ConnectionGate(
            connections: settings.connectionBudget.connections,
            per: settings.connectionBudget.per,
            pace: ConnectionPace(initial: settings.reconnect.initial, max: settings.reconnect.max),
            timerLoop: first
        )
        self.feed = TickerFeed(
            endpoint: publicEndpoint,
            settings: Self.feedSettings(configuration),
            on: first,
            environment: environment,
            gate: self.gate,
            rest: self.rest,
            logger: logger
        )
        let recent = self.recent
        let feed = self.feed
        self.loops = group.makeIterator().map { FleetLoop(eventLoop: $0, feed: feed, recent: recent) }
        self.group = group
        let (rest, category) = (self.rest, configuration.exchange.category)
        self.instruments = InstrumentBook(
            fetch: { try await rest.instruments(category: category) },
            now: environment.time.uptime,
            logger: logger
        )
        self.stream = HybridStream.Services(rest: self.rest, clock: clock, gate: self.gate, environment: environment)
        self.streamSettings = HybridStream.Settings(
            category: configuration.exchange.category,
            settleCoins: configuration.exchange.settleCoins,
            privateEndpoint: privateEndpoint,
            machine: Self.machineSettings(settings)
        )
    }

    private static func tls(_ caFile: String?) throws(OrchestratorError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        guard let caFile else { return tls }
        do {
            tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(caFile))]
        } catch {
            throw OrchestratorError(
                .configuration,
                "exchange.tls.ca_file \(caFile) cannot be read as PEM certificates: \(error)"
            )
        }
        return tls
    }

    private static func feedSettings(_ configuration: Configuration) -> TickerFeedMachine.Settings {
        let settings = configuration.stream
        var feed = TickerFeedMachine.Settings(category: configuration.exchange.category)
        feed.pingInterval = settings.pingInterval
        feed.pongTimeout = settings.pongTimeout
        feed.connectTimeout = settings.connectTimeout
        feed.backoffInitial = settings.reconnect.initial
        feed.backoffMax = settings.reconnect.max
        feed.staleAfter = settings.tickerStaleAfter
        feed.linger = settings.tickerLinger
        feed.pollInterval = settings.restPollInterval
        return feed
    }

    private static func machineSettings(_ settings: StreamConfiguration) -> AccountMachine.Settings {
        var machine = AccountMachine.Settings(mode: .hybrid)
        machine.pingInterval = settings.pingInterval
        machine.pongTimeout = settings.pongTimeout
        machine.connectTimeout = settings.connectTimeout
        machine.authTimeout = settings.authTimeout
        machine.backoffInitial = settings.reconnect.initial
        machine.backoffMax = settings.reconnect.max
        machine.reconcileInterval = settings.reconcileInterval
        machine.pollInterval = settings.restPollInterval
        machine.fallbackAfter = settings.fallbackAfter
        return machine
    }
}
