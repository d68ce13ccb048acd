public import HybridStream
import Foundation

/// The tick sizes of a daemon's instruments, kept beside its store for replays: `{"schema_version":1,"tick_sizes":{…}}`.
public enum TickSizeFile {
    private struct Contents: Codable {
        var schemaVersion: Int
        var tickSizes: [String: FixedPoint]

        private enum CodingKeys: String, CodingKey {
            case schemaVersion = "schema_version"
            case tickSizes = "tick_sizes"
        }
    }

    public static let name = "instruments.json"

    /// Replaces the file, or leaves the former one.
    public static func write(_ sizes: [String: FixedPoint], to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try encoder.encode(Contents(schemaVersion: 1, tickSizes: sizes))
        try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// - Throws: ``ReplayError`` if the file is missing or is no such file.
    public static func read(_ path: String) throws(ReplayError) -> [String: FixedPoint] {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return try JSONDecoder().decode(Contents.self, from: data).tickSizes
        } catch {
            throw ReplayError(
                "\(path) cannot be read as tick sizes (\(error)); give the \(self.name) that a daemon keeps beside its store"
            )
        }
    }
}
