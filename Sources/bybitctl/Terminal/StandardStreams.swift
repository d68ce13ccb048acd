import Glibc
import NIOCore

/// The reader of our standard output has gone. Not a failure: `bybitctl events | head` means it.
struct OutputClosed: Error {}

/// Data goes here.
enum StandardOutput {
    /// - Throws: ``OutputClosed``, or a ``CommandError`` that says why it cannot be written.
    static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try StandardOutput.write(UnsafeRawBufferPointer($0)) }
    }

    static func write(_ buffer: ByteBuffer) throws {
        try buffer.withUnsafeReadableBytes { try StandardOutput.write($0) }
    }

    static func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let error = DescriptorWriter.writeAll(bytes, to: STDOUT_FILENO) {
            if error == EPIPE { throw OutputClosed() }
            throw CommandError(.failed, "cannot write to standard output: \(String(cString: strerror(error)))")
        }
    }
}

/// Words go here. A standard error that cannot be written has nobody to tell.
enum StandardError {
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            _ = DescriptorWriter.writeAll(UnsafeRawBufferPointer(bytes), to: STDERR_FILENO)
        }
    }
}

enum DescriptorWriter {
    /// Writes all bytes, waiting where it must.
    /// - Returns: the `errno` that stopped it, or nil.
    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> CInt? {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Somebody we share the descriptor with has made it non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, -1)
            default: return errno
            }
        }
        return nil
    }
}
