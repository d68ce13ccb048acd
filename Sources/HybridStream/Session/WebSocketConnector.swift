package import NIOCore
import NIOPosix
public import NIOSSL

/// Opens the connections on which a ``WebSocket`` speaks.
public struct WebSocketConnector: Sendable {
    /// Starts to connect a socket. Answers with ``WebSocket/connected(_:)`` or ``WebSocket/connectFailed(_:)``, and then with
    /// what the connection brings, always on the loop and never before it returns.
    package let connect:
        @Sendable (
            _ socket: WebSocket, _ endpoint: WebSocketEndpoint, _ eventLoop: any EventLoop, _ timeout: Duration
        ) -> Void

    package init(
        _ connect: @escaping @Sendable (WebSocket, WebSocketEndpoint, any EventLoop, Duration) -> Void
    ) {
        self.connect = connect
    }

    /// TCP, with TLS where the endpoint asks for it.
    public static func tcp(tls: NIOSSLContext?) -> WebSocketConnector {
        WebSocketConnector { socket, endpoint, eventLoop, timeout in
            let bootstrap = ClientBootstrap(group: eventLoop)
                .connectTimeout(.nanoseconds(timeout.nanoseconds))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if endpoint.isSecure, let tls {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: endpoint.serverName)
                            )
                        }
                        try channel.pipeline.syncOperations.addHandler(WebSocketChannelHandler(socket))
                    }
                }
            let connected: EventLoopFuture<any Channel>
            if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
                // There is nothing to ask a name server, and no thread needed to wait for its answer.
                connected = bootstrap.connect(to: address)
            } else {
                connected = bootstrap.connect(host: endpoint.host, port: endpoint.port)
            }
            connected.whenComplete { result in
                switch result {
                case .success(let channel):
                    if socket.isClosed { channel.close(promise: nil) }
                case .failure(let error):
                    // Without descriptors or a route it fails at once, before its maker has the socket in hand: nobody would
                    // know whose end is told.
                    eventLoop.execute { socket.connectFailed(describe(error)) }
                }
            }
        }
    }
}

/// The connection under a ``WebSocket``.
package protocol WebSocketTransport: AnyObject {
    func write(_ bytes: ByteBuffer)
    func close()
}

/// Passes the channel's events on, and nothing else.
private final class WebSocketChannelHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let socket: WebSocket

    init(_ socket: WebSocket) {
        self.socket = socket
    }

    func channelActive(context: ChannelHandlerContext) {
        self.socket.connected(ChannelTransport(context.channel))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.socket.received(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.socket.readCompleted()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.socket.disconnected()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.socket.failed(describe(error))
    }
}

private final class ChannelTransport: WebSocketTransport {
    private let channel: any Channel

    init(_ channel: any Channel) {
        self.channel = channel
    }

    func write(_ bytes: ByteBuffer) { self.channel.writeAndFlush(bytes, promise: nil) }
    func close() { self.channel.close(promise: nil) }
}

extension WebSocketEndpoint {
    /// An IP literal must not be sent as a server name; its certificate is then checked by the address.
    fileprivate var serverName: String? {
        if self.host.contains(":") { return nil }
        let parts = self.host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil } ? nil : self.host
    }
}

/// An error in words; NIO's own descriptions are often just a type's name.
private func describe(_ error: any Error) -> String {
    if let failure = error as? NIOConnectionError {
        if let first = failure.connectionErrors.first { return describe(first.error) }
        return "the name could not be resolved"
    }
    if let failure = error as? IOError { return failure.description }
    return String(describing: error)
}
