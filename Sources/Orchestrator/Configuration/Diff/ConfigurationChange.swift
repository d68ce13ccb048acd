/// One key that differs between two configurations. Never holds a secret.
public struct ConfigurationChange: Sendable, Equatable, Codable, CustomStringConvertible {
    /// As in the file, with what it stands under: `strategy.trailing_stop.callback_percent`.
    public var key: String
    /// As it would stand in the file; nil if it was not there.
    public var from: String?
    /// Nil if it is not there any more.
    public var to: String?

    public init(key: String, from: String?, to: String?) {
        self.key = key
        self.from = from
        self.to = to
    }

    /// With `null` for what is not there: readers find every key.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.key, forKey: .key)
        try container.encode(self.from, forKey: .from)
        try container.encode(self.to, forKey: .to)
    }

    /// `mode: rest -> canary`. What must not be shown is only said to have changed.
    public var description: String {
        if self.from == nil, self.to == nil { return "\(self.key): changed" }
        return "\(self.key): \(self.from ?? "none") -> \(self.to ?? "none")"
    }
}

extension ConfigurationChange {
    private static let off = "off"

    /// What differs between two lists of keys: in the order of the new one, then what is gone. A section that was turned on
    /// or off is one change, not one for each key.
    static func between(_ old: [FlatKey], _ new: [FlatKey]) -> [ConfigurationChange] {
        let (old, new) = (self.folded(old, toOffOf: new), self.folded(new, toOffOf: old))
        let before = Dictionary(old.map { ($0.key, $0.text) }) { first, _ in first }
        let after = Set(new.map(\.key))
        var changes: [ConfigurationChange] = []
        for item in new where before[item.key] != item.text {
            changes.append(
                ConfigurationChange(key: item.key, from: self.shown(before[item.key]), to: self.shown(item.text))
            )
        }
        for item in old where !after.contains(item.key) {
            changes.append(ConfigurationChange(key: item.key, from: self.shown(item.text), to: nil))
        }
        return changes
    }

    /// The keys below a section that is off on the other side, as one.
    private static func folded(_ keys: [FlatKey], toOffOf other: [FlatKey]) -> [FlatKey] {
        let sections = Set(other.filter { $0.text == self.off }.map(\.key))
        if sections.isEmpty { return keys }
        var result: [FlatKey] = []
        var places: [String: Int] = [:]
        for item in keys {
            guard let section = self.section(of: item.key, among: sections) else {
                result.append(item)
                continue
            }
            let member = "\(item.key.dropFirst(section.count + 1)): \(item.text)"
            if let place = places[section] {
                result[place].text += ", " + member
            } else {
                places[section] = result.count
                result.append(FlatKey(key: section, text: member))
            }
        }
        for place in places.values { result[place].text = "{ \(result[place].text) }" }
        return result
    }

    /// Keys are a few levels deep.
    private static func section(of key: String, among sections: Set<String>) -> String? {
        var end = key.startIndex
        while let dot = key[end...].firstIndex(of: ".") {
            let section = String(key[..<dot])
            if sections.contains(section) { return section }
            end = key.index(after: dot)
        }
        return nil
    }

    private static func shown(_ text: String?) -> String? { text.map { SecretText.masked($0) } }
}
