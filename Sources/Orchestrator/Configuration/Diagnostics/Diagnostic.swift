/// One thing that is wrong with a configuration, and where. Holds no secret: the quoted line is masked.
public struct Diagnostic: Sendable, Equatable {
    public enum Severity: String, Sendable {
        case error
        case warning
    }

    /// What sort of mistake it is; decides the exit code.
    public enum Category: String, Sendable {
        case configuration
        /// A file others may read, or one we may not.
        case permission
    }

    /// Stable name of a kind of mistake, for programs.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// A second place that belongs to the mistake.
    public struct Note: Sendable, Equatable {
        public let message: String
        public let file: String
        public let line: Int
        public let column: Int
    }

    /// The line the mistake is in, without secrets and cut to a readable length.
    public struct Excerpt: Sendable, Equatable {
        public let text: String
        /// How many characters of `text` stand before the caret.
        public let caretOffset: Int
        /// How many characters are underlined, at least 1.
        public let caretLength: Int
    }

    public let severity: Severity
    public let category: Category
    public let code: Code
    /// The path as the user wrote it.
    public let file: String
    /// From 1.
    public let line: Int
    /// From 1, in characters.
    public let column: Int
    public let message: String
    /// What would have been right.
    public let expected: String?
    /// The known word nearest to an unknown one.
    public let suggestion: String?
    /// What to do.
    public let help: String?
    public let notes: [Note]
    /// Nil where there is no such line, as in an empty file.
    public let excerpt: Excerpt?
}
