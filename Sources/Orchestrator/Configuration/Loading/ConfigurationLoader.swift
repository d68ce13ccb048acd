public import Glibc
public import HybridStream

/// Reads `accounts.yaml` with everything it includes, checks it, and fills in defaults.
///
/// Offline: it opens the files that are named (includes, secrets, the CA file) and nothing else. All mistakes are
/// reported together; any error means that there is no configuration.
public struct ConfigurationLoader: Sendable {
    /// Bytes of all files of one load.
    static let totalSize = 64 * 1_024 * 1_024

    private let environment: [String: String]
    private let effectiveUserID: UInt32
    private let paths: PathResolver

    /// - Parameters:
    ///   - environment: what `${NAME}` and `$CREDENTIALS_DIRECTORY` are taken from.
    ///   - homeDirectory: what `~` stands for.
    ///   - effectiveUserID: who must own secret files; root's state folder is another one.
    ///   - workingDirectory: what a relative `path` is relative to; nil = the process's own.
    public init(
        environment: [String: String],
        homeDirectory: String,
        effectiveUserID: UInt32 = geteuid(),
        workingDirectory: String? = nil
    ) {
        self.environment = environment
        self.effectiveUserID = effectiveUserID
        self.paths = PathResolver(
            homeDirectory: homeDirectory,
            workingDirectory: workingDirectory ?? ConfigurationLoader.currentDirectory()
        )
    }

    /// Reads and checks a file. `path` may also be a pipe.
    public func load(path: String) -> ConfigurationResult {
        let log = DiagnosticLog()
        let directory = self.paths.directory(of: path)
        let absolute = PathResolver.join(self.paths.workingDirectory, path)
        switch FileAccess.read(absolute, limit: YAMLLimits().fileSize, mayBePipe: true) {
        case .success(let contents):
            let file = log.add(
                path: path,
                directory: directory,
                bytes: contents.bytes,
                permissions: contents.permissions
            )
            return self.load(file, at: absolute, log: log)
        case .failure(let problem):
            let file = log.add(path: path, directory: directory, bytes: [], permissions: nil)
            log.error(
                .fileUnreadable,
                category: problem.isPermission ? .permission : .configuration,
                .top(of: file),
                "the file cannot be read: \(problem.message)"
            )
            return ConfigurationResult(configuration: nil, diagnostics: log.finish())
        }
    }

    /// The same for a text, as if it stood in a file at `path` that nobody else can read.
    public func load(text: String, path: String) -> ConfigurationResult {
        let log = DiagnosticLog()
        let file = log.add(
            path: path,
            directory: self.paths.directory(of: path),
            bytes: Array(text.utf8),
            permissions: nil
        )
        return self.load(file, at: PathResolver.join(self.paths.workingDirectory, path), log: log)
    }

    /// Reads a configuration again as it was, from what was kept of its files. The files themselves are not looked at;
    /// secrets that come from the environment, a file or systemd are read anew, and so is the CA file.
    /// - Parameter credentials: by account, those of the configuration that runs: for accounts whose secrets were written
    ///   out in the files. One that is not there is an error of an enabled account, a warning of a disabled one.
    public func load(sources: ConfigurationSources, credentials: [String: Credentials]) -> ConfigurationResult {
        let log = DiagnosticLog()
        let main = sources.main
        let path = main?.path ?? ""
        let file = log.add(
            path: path,
            directory: PathResolver.parent(of: path),
            bytes: Array((main?.text ?? "").utf8),
            permissions: nil
        )
        let kept = KeptConfiguration(sources: sources, credentials: credentials)
        return self.load(file, at: path, log: log, kept: kept)
    }

    private func load(
        _ file: SourceFile,
        at path: String,
        log: DiagnosticLog,
        kept: KeptConfiguration? = nil
    ) -> ConfigurationResult {
        let context = DecodingContext(log: log, environment: self.environment, paths: self.paths, kept: kept)
        var included: [IncludedFiles.Included] = []
        let configuration = self.configuration(file, context: context, included: &included)
        guard let configuration, !log.hasErrors else {
            return ConfigurationResult(configuration: nil, diagnostics: log.finish())
        }
        return ConfigurationResult(
            configuration: configuration,
            diagnostics: log.finish(),
            sources: kept?.sources ?? ConfigurationSources(main: file, path: path, included: included)
        )
    }

    private func configuration(
        _ file: SourceFile,
        context: DecodingContext,
        included: inout [IncludedFiles.Included]
    ) -> Configuration? {
        let document = YAMLDocument(file, log: context.log)
        guard let root = document.root, !root.isNull else {
            if !context.log.hasErrors {
                context.log.error(
                    .emptyFile,
                    .top(of: file),
                    "the file is empty",
                    help: "bybitctl schema describes what belongs in it"
                )
            }
            return nil
        }
        let stateDirectory = RuntimeConfiguration.defaultStateDirectory(
            homeDirectory: self.paths.homeDirectory,
            effectiveUserID: self.effectiveUserID
        )
        var draft = ConfigurationDraft(
            configuration: Configuration(runtime: RuntimeConfiguration(stateDirectory: stateDirectory))
        )
        guard case .mapping = root.content else {
            context.key = "file"
            context.wrongType(root, expected: "a mapping with version:, exchange: and accounts:")
            return nil
        }
        _ = Grammar.root(defaults: draft).decode(root, into: &draft, context: context)
        draft.configuration.exchange = draft.exchange.resolved
        self.checkSocketPath(draft.configuration, root: root, context: context)
        let strategies = StrategyTable(draft.strategies, context: context)
        if let name = draft.defaults.strategy, let node = root.entry("defaults")?.value {
            strategies.checkDefined(name, at: node, key: "strategy", context: context)
        }
        var builder = AccountListBuilder(
            defaults: draft.defaults,
            environment: draft.configuration.exchange.environment,
            strategies: strategies,
            secrets: SecretReader(context: context, effectiveUserID: self.effectiveUserID),
            context: context
        )
        if let accounts = draft.accounts { builder.add(list: accounts, mainFile: file) }
        included = builder.included
        draft.configuration.accounts = builder.finish(root: root)
        draft.configuration.strategies = strategies.all
        return draft.configuration
    }

    /// The path of a Unix socket has little room.
    private func checkSocketPath(_ configuration: Configuration, root: YAMLNode, context: DecodingContext) {
        let path = "\(configuration.runtime.stateDirectory)/\(configuration.instance)/control.sock"
        guard path.utf8.count > InstanceLocation.longestSocketPath else { return }
        let node = root.entry("runtime")?.value.entry("state_dir")?.value ?? root.entry("instance")?.value ?? root
        context.log.warning(
            .outOfRange,
            node.place,
            "the control socket's path would have \(path.utf8.count) bytes",
            expected: "at most \(InstanceLocation.longestSocketPath) for <state_dir>/<instance>/control.sock",
            help: "choose a shorter state_dir, or --state-dir"
        )
    }

    private static func currentDirectory() -> String {
        guard let pointer = getcwd(nil, 0) else { return "/" }
        defer { free(pointer) }
        return String(cString: pointer)
    }
}
