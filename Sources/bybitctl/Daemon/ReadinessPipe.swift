import Glibc

/// How a detached daemon reports to the command that started it: one message, then the end of the pipe.
struct ReadinessPipe: Sendable {
    let descriptor: CInt

    /// Keeps the descriptor from the subprocesses of this process: one of them would hold the pipe open.
    init(descriptor: CInt) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    func ready(_ text: String) {
        self.send(Message(status: .done, text: text))
    }

    func failed(_ error: CommandError) {
        self.send(Message(status: error.status, text: error.text))
    }

    private func send(_ message: Message) {
        var bytes = message.encoded
        bytes.withUTF8 { bytes in
            // A parent that was interrupted has nobody waiting any more; the daemon goes on without it.
            _ = DescriptorWriter.writeAll(UnsafeRawBufferPointer(bytes), to: self.descriptor)
        }
        close(self.descriptor)
    }

    /// What goes through the pipe: the exit code on a line of its own, then words for the terminal.
    struct Message: Equatable {
        let status: ExitStatus
        let text: String

        init(status: ExitStatus, text: String) {
            self.status = status
            self.text = text
        }

        /// Nil for what a daemon that died in between may leave.
        init?(encoded: String) {
            guard let end = encoded.firstIndex(of: "\n"), let code = Int32(encoded[..<end]) else { return nil }
            self.init(status: ExitStatus(rawValue: code), text: String(encoded[encoded.index(after: end)...]))
        }

        var encoded: String { "\(self.status.rawValue)\n\(self.text)" }
    }
}
