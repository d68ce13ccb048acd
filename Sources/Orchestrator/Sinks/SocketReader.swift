import HybridStream
import Logging
import NIOCore

/// One connection to a socket sink. Confined to the hub's loop, except for ``queue`` and ``progress``.
///
/// It gets the events from its connection on. One that is behind gets conflated marks; one that lets more
/// of the other events wait than ``SinkLimits`` allow is disconnected. What it sends is not looked at; it may close its own
/// direction and go on reading.
final class SocketReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private static let drainBytes = 64 * 1_024

    let queue: EventQueue
    let progress = QueueProgress()
    private let sink: SocketSink
    private let tools: SinkTools
    private var channel: (any Channel)?
    private var lines: [UInt8] = []
    private var isBusy = false
    /// Bytes that are on their way into the socket.
    private var underway = 0
    private var isComplete = true

    init(sink: SocketSink, tools: SinkTools) {
        self.sink = sink
        self.tools = tools
        self.queue = EventQueue(
            name: "socket:\(sink.path)",
            filter: EventFilter(accounts: sink.accounts),
            limit: sink.limits.conflating,
            hardLimit: sink.limits.hard,
            overflow: .close
        )
    }

    func channelActive(context: ChannelHandlerContext) {
        self.channel = context.channel
        self.queue.onReady { [weak self] in
            guard let self else { return }
            self.tools.loop.execute { self.pump() }
        }
        self.sink.joined(self)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelInactive(context: ChannelHandlerContext) {
        self.channel = nil
        self.queue.close()
        self.progress.end(isComplete: self.isComplete)
        self.sink.left(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.tools.logger.debug(
            "a reader is gone",
            metadata: ["path": "\(self.sink.path)", "reason": "\(error)"]
        )
        context.close(promise: nil)
    }

    // MARK: Writing

    private func pump() {
        guard let channel = self.channel, !self.isBusy else { return }
        self.progress.advance(to: self.queue.takenPosition)
        switch self.queue.drain(into: &self.lines, maxBytes: SocketReader.drainBytes) {
        case .lines:
            self.isBusy = true
            self.underway = self.lines.count
            let buffer = channel.allocator.buffer(bytes: self.lines)
            if EventLines.lifecycleCount(in: self.lines) > 0 {
                // What a reader is told is in the store before.
                self.tools.afterSecuring { self.write(buffer) }
            } else {
                self.write(buffer)
            }
        case .empty:
            ChunkPool.shared.reclaim(&self.lines)
        case .closed(let reason):
            if case .overflowed = reason { self.sink.disconnected("\(reason)") }
            channel.close(promise: nil)
        }
    }

    private func write(_ buffer: ByteBuffer) {
        guard let channel = self.channel else { return }
        channel.writeAndFlush(buffer).whenSuccess {
            self.isBusy = false
            self.underway = 0
            self.tools.loop.execute { self.pump() }
        }
    }

    /// Once a second: one that stands still is not called when its queue gives up.
    func tick() {
        guard self.isBusy, self.queue.isClosed, let channel = self.channel else { return }
        var none: [UInt8] = []
        guard case .closed(let reason) = self.queue.drain(into: &none), case .overflowed = reason else { return }
        self.sink.disconnected("\(reason)")
        channel.close(promise: nil)
    }

    // MARK: End

    /// Nothing more comes; what is queued is written, then the connection closed.
    /// - Returns: whether all of it was.
    func finish() -> EventLoopFuture<Bool> {
        self.queue.finish()
        guard let channel = self.channel else { return self.tools.loop.makeSucceededFuture(true) }
        return channel.closeFuture.map { self.isComplete }
    }

    /// Time is up.
    func abandon() {
        guard let channel = self.channel else { return }
        let waits = self.queue.statistics
        let bytes = self.underway + waits.waitingBytes
        if bytes > 0 || waits.parkedMarks > 0 {
            self.isComplete = false
            self.tools.logger.error(
                "a reader did not take all its events before the end",
                metadata: ["path": "\(self.sink.path)", "bytes": "\(bytes)", "marks": "\(waits.parkedMarks)"]
            )
        }
        channel.close(promise: nil)
    }
}
