import NIOCore

/// What a change tells on its way, for the one who asked. The change runs on its own: it is not stopped when nobody
/// listens any more.
///
/// Not bounded by itself: a change tells of each account a few times at most.
final class ChangeFeed: Sendable {
    /// Whole lines; ends after the last one, or when the asker has left.
    let lines: AsyncStream<ByteBuffer>
    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init() {
        (self.lines, self.continuation) = AsyncStream<ByteBuffer>.makeStream()
    }

    /// Starts the change.
    func begin(_ request: ChangeRequest, by caller: Caller, backend: any ControlBackend) {
        // Neither the connection's end nor its cancellation may reach a change that is half done.
        Task {
            do {
                let report = try await backend.change(request, by: caller) { self.send(.progress($0)) }
                self.send(.report(report))
            } catch {
                self.send(.error(ControlRefusal(error)))
            }
            self.continuation.finish()
        }
    }

    /// Nobody reads any more.
    func leave() {
        self.continuation.finish()
    }

    /// The instance stops: there will be no report.
    func serverStops() {
        self.send(
            .error(
                ControlRefusal(
                    error: """
                        the instance is stopping, and what was asked for may be done in part or not at all; \
                        bybitctl history says what was changed
                        """,
                    exitCode: 3
                )
            )
        )
        self.continuation.finish()
    }

    private func send(_ line: ChangeLine) {
        do {
            self.continuation.yield(try line.bytes())
        } catch {
            // Texts and numbers only: this cannot be, and if it is, the asker sees an answer without an end.
            self.continuation.finish()
        }
    }
}
