import HybridStream
import NIOCore

/// A list of strings as the text of a JSON array.
enum StringListText {
    static func encode(_ strings: [String]) -> String {
        let json = ReportWriter()
        json.array(strings) { $1.string($0) }
        return String(buffer: json.buffer)
    }

    /// Nil for text that is no such array.
    static func decode(_ text: String) -> [String]? {
        var text = text
        return text.withUTF8 { bytes in
            guard var reader = JSONReader(UnsafeRawBufferPointer(bytes)) else { return nil }
            var strings: [String] = []
            do {
                try reader.forEachElement { reader in strings.append(try reader.readScalar()?.string ?? "") }
                try reader.expectEnd()
                return strings
            } catch {
                return nil
            }
        }
    }
}
