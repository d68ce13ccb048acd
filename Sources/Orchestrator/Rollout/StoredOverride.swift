/// An override with the revisions that tell where it comes from.
public struct StoredOverride: Sendable, Equatable, Codable {
    /// Which revision has set something.
    public struct Origin: Sendable, Equatable, Codable, CustomStringConvertible {
        public var revision: Int
        public var kind: Revision.Kind

        public init(revision: Int, kind: Revision.Kind) {
            self.revision = revision
            self.kind = kind
        }

        /// As in `revision 12, promote`.
        public var description: String { "revision \(self.revision), \(self.kind.rawValue)" }
    }

    public var override: AccountOverride
    /// Of ``AccountOverride/isEnabled``; nil if that is nil.
    public var enabledBy: Origin?
    /// Of ``AccountOverride/mode`` and ``AccountOverride/percent``.
    public var modeBy: Origin?
    /// Of ``AccountOverride/isDrained``.
    public var drainedBy: Origin?

    public init(
        _ override: AccountOverride,
        enabledBy: Origin? = nil,
        modeBy: Origin? = nil,
        drainedBy: Origin? = nil
    ) {
        self.override = override
        self.enabledBy = enabledBy
        self.modeBy = modeBy
        self.drainedBy = drainedBy
    }
}

extension StoredOverride {
    /// As it is after a revision has set it: what it said already keeps its origin.
    func changed(to override: AccountOverride, by origin: Origin) -> StoredOverride? {
        if override.isEmpty { return nil }
        var changed = StoredOverride(override)
        if override.isEnabled != nil {
            changed.enabledBy = override.isEnabled == self.override.isEnabled ? self.enabledBy ?? origin : origin
        }
        if override.mode != nil || override.percent != nil {
            let isSame = override.mode == self.override.mode && override.percent == self.override.percent
            changed.modeBy = isSame ? self.modeBy ?? origin : origin
        }
        if override.isDrained { changed.drainedBy = self.override.isDrained ? self.drainedBy ?? origin : origin }
        return changed
    }
}
