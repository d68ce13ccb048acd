/// What came of reading a file: a configuration, or the reasons why there is none. Warnings may stand beside either.
public struct ConfigurationResult: Sendable {
    /// Nil if there is any error.
    public let configuration: Configuration?
    /// All of them, in the order of the files.
    public let diagnostics: [Diagnostic]
    /// What it was read from, without secrets; nil if there is any error.
    public let sources: ConfigurationSources?

    public init(configuration: Configuration?, diagnostics: [Diagnostic], sources: ConfigurationSources? = nil) {
        self.configuration = configuration
        self.diagnostics = diagnostics
        self.sources = sources
    }

    /// 0 = usable; 77 = only unsafe or missing permissions stand in the way; 78 = the configuration is wrong.
    public var exitCode: Int32 {
        let errors = self.diagnostics.filter { $0.severity == .error }
        if errors.isEmpty { return 0 }
        return errors.allSatisfy { $0.category == .permission } ? 77 : 78
    }
}
