import HybridStream
import Logging
import NIOCore

/// Puts what a child writes to its standard output or error into the daemon's log, line by line.
///
/// A child that writes without end is read slowly, and most of it left out of the log; it disturbs nobody but itself.
final class ChildOutputHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// More than this is not read in a second.
    static let bytesPerSecond = 1_024 * 1_024

    private let logger: Logger
    private let level: Logger.Level
    private let stream: String
    private let clock: TimeSource
    private var lines = ChildOutputLines()
    private var windowStart = Uptime.distantPast
    private var bytesInWindow = 0

    /// - Parameters:
    ///   - stream: `stdout` or `stderr`.
    ///   - logger: with metadata that tell whose output it is.
    init(stream: String, level: Logger.Level, logger: Logger, clock: TimeSource) {
        self.stream = stream
        self.level = level
        self.logger = logger
        self.clock = clock
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        let now = self.clock.uptime()
        self.write(self.lines.take(buffer.readableBytesView, now: now))
        if now - self.windowStart >= .seconds(1) {
            self.windowStart = now
            self.bytesInWindow = 0
        }
        self.bytesInWindow += buffer.readableBytes
        if self.bytesInWindow > ChildOutputHandler.bytesPerSecond { self.rest(context, until: self.windowStart) }
    }

    private func rest(_ context: ChannelHandlerContext, until start: Uptime) {
        let channel = context.channel
        let left = max(.milliseconds(1), start + .seconds(1) - self.clock.uptime())
        channel.setOption(.autoRead, value: false).whenFailure { _ in channel.close(promise: nil) }
        context.eventLoop.scheduleTask(in: .nanoseconds(left.nanoseconds)) {
            channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.write(self.lines.end(now: self.clock.uptime()))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.logger.debug("a consumer's \(self.stream) cannot be read", metadata: ["reason": "\(error)"])
        context.close(promise: nil)
    }

    private func write(_ entries: [ChildOutputLines.Entry]) {
        for entry in entries {
            switch entry {
            case .line(let text):
                self.logger.log(level: self.level, "\(text)", metadata: ["stream": "\(self.stream)"])
            case .omitted(let count):
                self.logger.warning(
                    "\(count) lines of a consumer's \(self.stream) were left out: too many at a time",
                    metadata: ["stream": "\(self.stream)"]
                )
            }
        }
    }
}
