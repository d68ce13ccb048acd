import Glibc

/// A pipe that subprocesses do not inherit.
struct PipeEnds {
    let reader: CInt
    let writer: CInt

    init() throws(CommandError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CommandError(.failed, "cannot make a pipe: \(String(cString: strerror(errno)))")
        }
        self.reader = ends[0]
        self.writer = ends[1]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
}
