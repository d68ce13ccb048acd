import Glibc
import Testing

@testable import Orchestrator

/// Reads from a Unix socket when it is told to.
final class SocketClient {
    private let descriptor: Int32
    private(set) var bytes: [UInt8] = []
    private(set) var isAtEnd = false

    /// - Throws: if nobody listens.
    init(_ path: String) throws {
        self.descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(connected == 0)
        try #require(fcntl(self.descriptor, F_SETFL, O_NONBLOCK) == 0)
    }

    deinit { close(self.descriptor) }

    /// Takes what is there.
    func read() {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !self.isAtEnd {
            let count = Glibc.read(self.descriptor, &chunk, chunk.count)
            if count > 0 {
                self.bytes += chunk[..<count]
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return
            } else {
                self.isAtEnd = true
            }
        }
    }

    /// Numbers of the whole lines so far.
    var numbers: [Int64] {
        self.read()
        return Fixtures.split(self.bytes).map { Fixtures.number("n", $0) }
    }

    func send(_ text: String) {
        _ = text.utf8.withContiguousStorageIfAvailable { write(self.descriptor, $0.baseAddress, $0.count) }
    }

    /// No more will be sent; what comes is still read.
    func shutDownWriting() { shutdown(self.descriptor, Int32(SHUT_WR)) }
}
