import Foundation

/// Follows a growing file of lines, also when it is rotated away: what is new since the last look, whole lines only.
final class LineTail {
    private let path: String
    private var descriptor: Int32 = -1
    private var inode: UInt64 = 0
    /// Read and not yet handed out; may end in the middle of a line.
    private var pending: [UInt8] = []
    private(set) var bytes = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    init(_ file: URL) {
        self.path = file.path
    }

    deinit {
        self.buffer.deallocate()
        if self.descriptor >= 0 { close(self.descriptor) }
    }

    /// Reads what has been written since the last call.
    func fill() {
        if self.descriptor < 0, !self.open() { return }
        self.readToEnd()
        while let current = self.inodeOfPath(), current != self.inode {
            // The writer has let go of the old file before the new one got its name, so nothing more comes to it.
            self.readToEnd()
            close(self.descriptor)
            guard self.open() else { return }
            self.readToEnd()
        }
    }

    private func open() -> Bool {
        self.descriptor = Foundation.open(self.path, O_RDONLY | O_CLOEXEC)
        guard self.descriptor >= 0 else { return false }
        var status = stat()
        fstat(self.descriptor, &status)
        self.inode = UInt64(status.st_ino)
        return true
    }

    private func inodeOfPath() -> UInt64? {
        var status = stat()
        return stat(self.path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private func readToEnd() {
        while true {
            let count = read(self.descriptor, self.buffer.baseAddress, self.buffer.count)
            guard count > 0 else { return }
            self.pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: self.buffer[..<count]))
            self.bytes += count
        }
    }

    /// Hands out each whole line that was read, ended by a zero byte instead of its line feed.
    func takeLines(_ body: (UnsafePointer<CChar>) -> Void) {
        guard !self.pending.isEmpty else { return }
        let used = self.pending.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            var start = 0
            while start < buffer.count,
                let end = memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start)
            {
                end.storeBytes(of: 0, as: UInt8.self)
                body(UnsafePointer((base + start).assumingMemoryBound(to: CChar.self)))
                start = end - base + 1
            }
            return start
        }
        self.pending.removeFirst(used)
    }
}
