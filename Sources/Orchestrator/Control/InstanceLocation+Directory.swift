import Glibc

extension InstanceLocation {
    /// Creates the instance's folder with all its parents, mode 0700. One that exists must belong to this user; its mode
    /// is corrected.
    public func prepareDirectory() throws(InstanceError) {
        var path = ""
        for component in self.directory.split(separator: "/") {
            path += "/" + component
            guard mkdir(path, 0o700) != 0, errno != EEXIST else { continue }
            let error = errno
            // A parent that cannot be written may exist all the same (EROFS, EACCES); what counts is the last one.
            guard access(path, F_OK) != 0 else { continue }
            throw InstanceError(
                .io,
                """
                cannot create \(path): \(SystemError.text(error))
                Choose another state folder with runtime.state_dir in the file or --state-dir.
                """
            )
        }
        var status = stat()
        guard lstat(self.directory, &status) == 0 else {
            throw InstanceError(.io, "cannot look at \(self.directory): \(SystemError.text(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw InstanceError(.io, "\(self.directory) is not a folder; move it away or choose another state_dir")
        }
        guard status.st_uid == geteuid() else {
            throw InstanceError(
                .unsafePermissions,
                """
                \(self.directory) belongs to user \(status.st_uid), and this is user \(geteuid())
                Run as its owner, or choose another state folder with runtime.state_dir or --state-dir.
                """
            )
        }
        guard status.st_mode & 0o077 != 0 else { return }
        guard chmod(self.directory, 0o700) == 0 else {
            throw InstanceError(
                .unsafePermissions,
                "others can read \(self.directory), and its mode cannot be changed: \(SystemError.text(errno))"
            )
        }
    }
}
