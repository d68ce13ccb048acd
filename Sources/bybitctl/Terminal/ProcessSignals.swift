import Dispatch
import Glibc

/// What signals do to this process.
enum ProcessSignals {
    /// These signals end the process with the code 128 + n, as a shell would report it.
    static func exitByCode(_ signals: [Int32]) {
        for number in signals {
            signal(number) { _exit(128 + $0) }
        }
    }
}

/// SIGINT and SIGTERM as a request to stop; a second one ends the process at once with 128 + n. SIGHUP as a request to read
/// the file again; a terminal that is closed asks for the same, and costs nothing that is queued.
///
/// The handlers are ordinary ones that write to a pipe. An ignored or blocked signal would be inherited by the
/// subprocesses we start, and they could not be ended politely.
struct StopSignals {
    private let source: any DispatchSourceRead

    /// - Parameters:
    ///   - onFirst: called once, on a queue of its own.
    ///   - onHangup: called for each SIGHUP, on the same queue.
    /// - Throws: if no pipe can be had.
    init(
        onFirst: @escaping @Sendable (Int32) -> Void,
        onHangup: @escaping @Sendable () -> Void
    ) throws(CommandError) {
        let ends = try PipeEnds()
        let reader = ends.reader
        stopPipe = ends.writer
        stopRequests = 0
        let source = DispatchSource.makeReadSource(
            fileDescriptor: reader,
            // Not worth a thread of its own.
            queue: DispatchQueue(label: "bybitctl.signals", target: .global())
        )
        source.setEventHandler {
            var number: UInt8 = 0
            guard read(reader, &number, 1) == 1 else { return }
            if Int32(number) == SIGHUP { onHangup() } else { onFirst(Int32(number)) }
        }
        source.resume()
        self.source = source
        signal(SIGHUP) { number in
            let saved = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(stopPipe, &byte, 1)
            errno = saved
        }
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if stopRequests > 0 { _exit(128 + number) }
                stopRequests = 1
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                // The pipe is all but empty, so the byte finds room.
                _ = write(stopPipe, &byte, 1)
                errno = saved
            }
        }
    }

    /// Ends the watch; the handlers stay, so a later signal still ends the process.
    func cancel() {
        self.source.cancel()
    }
}

// A signal handler can capture nothing, so what it needs is global. Written before the handlers are installed, and by
// the handler itself.
nonisolated(unsafe) private var stopPipe: CInt = -1
nonisolated(unsafe) private var stopRequests: Int32 = 0
