/// The files that a configuration was read from, without their secrets and comments, so that it can be read again as it was
/// after the files have changed.
///
/// What stays of a secret is where it comes from: `${NAME}`, a path, the name of a systemd credential. In the place of one
/// that was written out stands ``secretMarker``.
public struct ConfigurationSources: Sendable, Equatable, Codable {
    public struct File: Sendable, Equatable, Codable {
        /// Absolute: what its relative paths are relative to is the folder it is in.
        public var path: String
        /// Which `include:` of the main file names it, counted from 0; nil for the main file itself.
        public var include: Int?
        public var text: String

        public init(path: String, include: Int?, text: String) {
            self.path = path
            self.include = include
            self.text = text
        }
    }

    /// The main file, then what it includes in the order of reading.
    public var files: [File]

    public init(files: [File]) {
        self.files = files
    }

    /// Stands where a secret was written out. No secret has a blank in it, so it is never taken for one.
    public static let secretMarker = "<secret not kept>"

    /// Nil if what was read cannot be read again, which does not happen to files without an error.
    init?(main: SourceFile, path: String, included: [IncludedFiles.Included]) {
        var files: [File] = []
        guard let text = SourceScrubber.text(of: main) else { return nil }
        files.append(File(path: path, include: nil, text: text))
        for included in included {
            guard let text = SourceScrubber.text(of: included.file) else { return nil }
            files.append(File(path: included.path, include: included.include, text: text))
        }
        self.files = files
    }

    var main: File? { self.files.first { $0.include == nil } }
}
