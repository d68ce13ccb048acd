/// The kind of contract one public socket serves.
public enum Category: String, Sendable, Hashable, CaseIterable, Codable {
    case linear
    case inverse
}
