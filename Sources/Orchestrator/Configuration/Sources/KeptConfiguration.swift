import HybridStream

/// Where a configuration is read from that is not that of the files as they are now.
struct KeptConfiguration: Sendable {
    let sources: ConfigurationSources
    /// By account, for secrets that were written out and are not kept.
    let credentials: [String: Credentials]
    private let included: [Int: [ConfigurationSources.File]]

    init(sources: ConfigurationSources, credentials: [String: Credentials]) {
        self.sources = sources
        self.credentials = credentials
        var included: [Int: [ConfigurationSources.File]] = [:]
        for file in sources.files {
            if let include = file.include { included[include, default: []].append(file) }
        }
        self.included = included
    }

    /// The files that an `include:` of the main file named.
    /// - Parameter include: counted from 0.
    func files(of include: Int) -> [ConfigurationSources.File] { self.included[include] ?? [] }
}
