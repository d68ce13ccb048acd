extension ChangeRequest {
    /// The longest that an answer may take: a day, which the waves of a big fleet need.
    public static let longestTimeoutMilliseconds: Int64 = 86_400_000
    /// The longest reason, in bytes: it is kept for ever.
    public static let longestReason = 1_000

    /// Why nobody could carry this out whatever the fleet looks like, for people; nil if it makes sense.
    ///
    /// Asked by the command line before it sends a request, and by the control socket before it takes one.
    public var problem: String? {
        self.problemOfOptions ?? self.problemOfTarget ?? self.problemOfValues
    }

    private var isAboutNames: Bool { !self.accounts.isEmpty }

    /// About which accounts it is.
    private var problemOfTarget: String? {
        if self.isAboutNames, self.isForAll { return "both account names and --all are given; which is meant?" }
        if self.command == .apply {
            return self.isAboutNames || self.isForAll
                ? "apply is about a whole file; it takes neither account names nor --all" : nil
        }
        if self.revision != nil {
            return self.isAboutNames || self.isForAll
                ? "--revision brings back the whole file; it goes with neither account names nor --all" : nil
        }
        if self.isInWaves, self.isAboutNames {
            return "--waves takes the whole fleet up; it goes with no account names"
        }
        if self.isAboutNames || self.isForAll || self.isInWaves { return nil }
        let other =
            switch self.command {
            case .rollback: ", --all, or --revision"
            case .promote: ", --all, or --waves"
            default: " or --all"
            }
        return "no account is named; name some\(other)"
    }

    /// Which options do not go with the command, or with one another.
    private var problemOfOptions: String? {
        if self.command != .rollback {
            if self.mode != nil { return "--to belongs to rollback" }
            if self.revision != nil { return "--revision belongs to rollback" }
        }
        if self.command != .promote {
            if self.isInWaves { return "--waves belongs to promote" }
            if self.isForced { return "--force belongs to promote" }
        }
        if self.command != .apply, self.file != nil { return "a file belongs to apply" }
        if self.revision != nil, self.mode != nil { return "--revision and --to exclude each other" }
        return nil
    }

    private var problemOfValues: String? {
        if self.mode == .hybrid { return "--to hybrid: a rollback goes down; promote goes up" }
        if let revision = self.revision, revision < 1 { return "--revision takes a number from 1 on" }
        if let file = self.file, !file.hasPrefix("/") { return "the file's path is not absolute: \(file)" }
        if self.reason.utf8.count > ChangeRequest.longestReason {
            return "--reason is longer than \(ChangeRequest.longestReason) bytes"
        }
        if self.reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return "--reason holds a line break or another control character; it is one line"
        }
        guard (0...ChangeRequest.longestTimeoutMilliseconds).contains(self.timeoutMilliseconds) else {
            return "--timeout takes at most 24h"
        }
        return nil
    }
}
