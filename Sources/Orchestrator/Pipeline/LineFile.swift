import Glibc

/// A file to which whole lines are appended: created with its folders, rotated by size, completed after a crash.
///
/// A line is never split over two files, also when a write stops in its middle. Used on one thread.
struct LineFile {
    struct Rotation: Sendable, Equatable {
        /// A file that would grow above this is rotated first; nil for never.
        var bytes: Int?
        /// How many rotated files are kept: `path.1` is the newest.
        var keep: Int
    }

    private struct Identity: Equatable {
        var device: UInt
        var inode: UInt
    }

    /// `"-"` for standard output.
    let path: String
    /// Holds from the next write on.
    var rotation: Rotation
    private var descriptor: Int32 = -1
    private var isRegular = false
    private var size = 0
    /// The file in which a line of ours was begun and not ended, and how much of it is there.
    private var broken: (file: Identity, written: Int)?

    init(path: String, rotation: Rotation) {
        self.path = path
        self.rotation = rotation
    }

    /// What ``write(_:from:)`` did.
    enum Outcome {
        case all
        /// The reader of the pipe is behind.
        case busy
    }

    // MARK: Opening

    mutating func open() throws(SinkTrouble) {
        guard self.descriptor < 0 else { return }
        if self.path == "-" {
            self.descriptor = STDOUT_FILENO
        } else {
            try self.createFolders()
            let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC
            var descriptor = Glibc.open(self.path, flags, 0o600)
            // A device or a pipe that may only be written to.
            if descriptor < 0, errno == EACCES || errno == EPERM || errno == EINVAL {
                descriptor = Glibc.open(self.path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK)
            }
            guard descriptor >= 0 else { throw self.trouble("open") }
            self.descriptor = descriptor
        }
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else { throw self.trouble("open") }
        self.isRegular = (status.st_mode & S_IFMT) == S_IFREG
        self.size = Int(status.st_size)
        let identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
        if let broken = self.broken, broken.file != identity {
            // The begun line stays behind in another file; here it has to be written from its start.
            self.broken = nil
        }
        if self.isRegular, self.broken == nil { try self.completeLastLine() }
    }

    /// A crash may have left a line without its end. It gets one, so that the next line is intact.
    private mutating func completeLastLine() throws(SinkTrouble) {
        guard self.size > 0 else { return }
        var last: UInt8 = 0
        // A file that may not be read is taken as complete.
        guard pread(self.descriptor, &last, 1, off_t(self.size - 1)) == 1, last != UInt8(ascii: "\n") else { return }
        var end = UInt8(ascii: "\n")
        guard Glibc.write(self.descriptor, &end, 1) == 1 else { throw self.trouble("write") }
        self.size += 1
    }

    private func createFolders() throws(SinkTrouble) {
        var at = self.path.startIndex
        while let slash = self.path[at...].firstIndex(of: "/") {
            let folder = String(self.path[..<slash])
            if !folder.isEmpty, mkdir(folder, 0o700) != 0, errno != EEXIST, errno != EISDIR, errno != EROFS {
                throw self.trouble("create the folder of")
            }
            at = self.path.index(after: slash)
        }
    }

    mutating func close() {
        if self.descriptor >= 0, self.path != "-" { _ = Glibc.close(self.descriptor) }
        self.descriptor = -1
    }

    // MARK: Writing

    /// Writes lines from `offset` on, which is moved behind what was written. `offset` is at the start of a line, or
    /// where the last call stopped. After an error the file is closed; the next call opens it again.
    mutating func write(_ lines: [UInt8], from offset: inout Int) throws(SinkTrouble) -> Outcome {
        do throws(SinkTrouble) {
            if self.descriptor < 0 {
                let begun = self.broken?.written
                try self.open()
                if let begun, self.broken == nil { offset -= begun }
            }
            while offset < lines.count {
                try self.rotateIfNeeded(lines, from: offset)
                let end = self.end(of: lines, from: offset)
                if !self.isRegular, !self.isWritable() { return .busy }
                let written = lines.withUnsafeBytes { bytes in
                    Glibc.write(self.descriptor, bytes.baseAddress.map { $0 + offset }, end - offset)
                }
                if written < 0, errno == EINTR { continue }
                if written < 0, errno == EAGAIN { return .busy }
                guard written > 0 else { throw self.trouble("write") }
                self.advance(lines, by: written, &offset)
            }
            return .all
        } catch {
            self.close()
            throw error
        }
    }

    private mutating func advance(_ lines: [UInt8], by written: Int, _ offset: inout Int) {
        let start = offset
        offset += written
        self.size += written
        if lines[offset - 1] == UInt8(ascii: "\n") {
            self.broken = nil
            return
        }
        var begun = offset
        while begun > start, lines[begun - 1] != UInt8(ascii: "\n") { begun -= 1 }
        var length = offset - begun
        if begun == start { length += self.broken?.written ?? 0 }
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else { return }
        self.broken = (Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino)), length)
    }

    /// How far to write before the file has to be rotated or, for a pipe, what it takes without blocking.
    private func end(of lines: [UInt8], from offset: Int) -> Int {
        if !self.isRegular { return min(lines.count, offset + Int(PIPE_BUF)) }
        guard let limit = self.rotation.bytes, self.size + lines.count - offset > limit else { return lines.count }
        // The last line that ends below the limit; one line at least.
        var end = min(lines.count, offset + max(0, limit - self.size))
        while end > offset, lines[end - 1] != UInt8(ascii: "\n") { end -= 1 }
        if end > offset { return end }
        return lines[offset...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? lines.count
    }

    private func isWritable() -> Bool {
        var poll = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        // Errors are left to the write, which says what they are.
        return Glibc.poll(&poll, 1, 0) != 0
    }

    /// Forces what was written to the disk.
    mutating func synchronize() throws(SinkTrouble) {
        guard self.descriptor >= 0, self.isRegular else { return }
        if fdatasync(self.descriptor) != 0 { throw self.trouble("sync") }
    }

    // MARK: Rotating

    private mutating func rotateIfNeeded(_ lines: [UInt8], from offset: Int) throws(SinkTrouble) {
        guard self.isRegular, self.broken == nil, let limit = self.rotation.bytes, self.size > 0 else { return }
        let line = lines[offset...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 - offset } ?? lines.count - offset
        guard self.size + line > limit else { return }
        // The new names first: should one fail, nothing is lost and the file in use stays in use.
        if self.rotation.keep > 0 {
            for number in stride(from: self.rotation.keep - 1, through: 1, by: -1) {
                try self.rename("\(self.path).\(number)", "\(self.path).\(number + 1)")
            }
            try self.rename(self.path, "\(self.path).1")
        } else if unlink(self.path) != 0, errno != ENOENT {
            throw self.trouble("rotate")
        }
        self.close()
        try self.open()
    }

    private func rename(_ old: String, _ new: String) throws(SinkTrouble) {
        if Glibc.rename(old, new) != 0, errno != ENOENT { throw self.trouble("rotate") }
    }

    private func trouble(_ step: String) -> SinkTrouble {
        let code = errno
        return SinkTrouble(
            step: step,
            path: self.path == "-" ? "standard output" : self.path,
            errno: code,
            reason: String(cString: strerror(code))
        )
    }
}
