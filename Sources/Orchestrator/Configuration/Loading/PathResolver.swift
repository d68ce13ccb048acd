/// Makes paths absolute, so that they mean the same after the daemon has detached.
struct PathResolver: Sendable {
    let homeDirectory: String
    let workingDirectory: String

    /// `~` and `~/…` in the home folder, relative paths in `directory`. Nil for `~name`.
    func resolve(_ path: String, relativeTo directory: String) -> String? {
        self.expandHome(path).map { PathResolver.join(directory, $0) }
    }

    /// `~` replaced; anything else as it is. Nil for `~name`.
    func expandHome(_ path: String) -> String? {
        if path == "~" { return self.homeDirectory }
        if path.hasPrefix("~/") { return PathResolver.join(self.homeDirectory, String(path.dropFirst(2))) }
        return path.hasPrefix("~") ? nil : path
    }

    /// The absolute folder of a file named on the command line.
    func directory(of path: String) -> String {
        PathResolver.parent(of: PathResolver.join(self.workingDirectory, path))
    }

    /// `path` itself if it is absolute, else below `directory`.
    static func join(_ directory: String, _ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var path = path
        while path.hasPrefix("./") { path.removeFirst(2) }
        if path.isEmpty || path == "." { return directory }
        return directory.hasSuffix("/") ? directory + path : directory + "/" + path
    }

    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
