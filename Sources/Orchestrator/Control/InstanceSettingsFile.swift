extension InstanceLocation.Settings {
    /// Reads from an accounts file only where its instance is.
    ///
    /// The rest of the file may be wrong or not readable in this environment: cron, which asks how the daemon is, has
    /// neither the secrets nor the variables that the daemon was started with.
    /// - Throws: ``InstanceError`` if the file cannot be read as YAML, or one of the two values cannot be told.
    public static func read(
        _ path: String,
        environment: [String: String],
        user: SystemUser
    ) throws(InstanceError) -> InstanceLocation.Settings {
        let paths = PathResolver(homeDirectory: user.homeDirectory, workingDirectory: user.currentDirectory)
        let directory = paths.directory(of: path)
        let absolute = PathResolver.join(user.currentDirectory, path)
        let contents: FileContents
        switch FileAccess.read(absolute, limit: YAMLLimits().fileSize, mayBePipe: true) {
        case .success(let read): contents = read
        case .failure(let problem): throw InstanceError(.configuration, "\(path) cannot be read: \(problem.message)")
        }
        let log = DiagnosticLog()
        let file = log.add(path: path, directory: directory, bytes: contents.bytes, permissions: nil)
        guard let root = YAMLDocument(file, log: log).root else {
            throw InstanceError(
                .configuration,
                "\(path) is not a YAML file that can be read; bybitctl validate \(path) says why"
            )
        }
        let instance = try Self.text(root.entry("instance")?.value, "instance", path, environment)
        let folder = try Self.text(
            root.entry("runtime")?.value.entry("state_dir")?.value,
            "runtime.state_dir",
            path,
            environment
        )
        guard let folder else { return InstanceLocation.Settings(stateDirectory: nil, instance: instance) }
        guard let resolved = paths.resolve(folder, relativeTo: directory) else {
            throw InstanceError(.configuration, "\(path): runtime.state_dir: only ~ and ~/… can be expanded: \(folder)")
        }
        return InstanceLocation.Settings(stateDirectory: resolved, instance: instance)
    }

    private static func text(
        _ node: YAMLNode?,
        _ key: String,
        _ path: String,
        _ environment: [String: String]
    ) throws(InstanceError) -> String? {
        guard let node, !node.isNull else { return nil }
        guard case .scalar(let text) = node.content else {
            throw InstanceError(.configuration, "\(path): \(key) is not a text; bybitctl validate \(path) says more")
        }
        switch EnvironmentExpansion.expand(text, environment: environment) {
        case .success(let expanded): return expanded
        case .failure(let problem): throw InstanceError(.configuration, "\(path): \(key): \(problem.message)")
        }
    }
}
