/// Where a configuration was read from, and how another one is read in its place.
public struct ConfigurationOrigin: Sendable {
    /// Absolute.
    public var path: String
    public var loader: ConfigurationLoader
    /// Of the configuration as it was read.
    public var sources: ConfigurationSources?
    /// As the file says, whatever the command line made of it.
    public var instance: String
    public var stateDirectory: String

    /// - Parameter configuration: as it was read.
    public init(
        path: String,
        loader: ConfigurationLoader,
        sources: ConfigurationSources?,
        of configuration: Configuration
    ) {
        self.path = path
        self.loader = loader
        self.sources = sources
        self.instance = configuration.instance
        self.stateDirectory = configuration.runtime.stateDirectory
    }
}
