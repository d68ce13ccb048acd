/// The text of one configuration file, kept so that a message can quote the line it is about.
final class SourceFile: Sendable {
    /// Position in the list of files of one load; what a ``SourceSpan`` refers to.
    let id: Int32
    /// The path as the user wrote it: what messages show.
    let path: String
    /// Absolute folder of the file: what its relative paths are relative to.
    let directory: String
    /// UTF-8 without a byte order mark.
    let bytes: [UInt8]
    /// Permission bits of the file; nil if the text did not come from a file.
    let permissions: UInt32?

    init(id: Int32, path: String, directory: String, bytes: [UInt8], permissions: UInt32?) {
        self.id = id
        self.path = path
        self.directory = directory
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        self.permissions = permissions
    }

    /// Offsets at which lines begin. Breaks are those that libyaml counts, or marks and quoted lines would not agree.
    func lineStarts() -> [Int] {
        var starts = [0]
        self.bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let length = SourceFile.breakLength(bytes, at: index)
                index += max(length, 1)
                if length > 0 { starts.append(index) }
            }
        }
        return starts
    }

    /// Length in bytes of the line break at `index`; 0 if there is none.
    static func breakLength(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        switch bytes[index] {
        case 0x0A:
            return 1
        case 0x0D:
            return index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : 1
        case 0xC2:
            return index + 1 < bytes.count && bytes[index + 1] == 0x85 ? 2 : 0
        case 0xE2:
            guard index + 2 < bytes.count, bytes[index + 1] == 0x80 else { return 0 }
            return bytes[index + 2] == 0xA8 || bytes[index + 2] == 0xA9 ? 3 : 0
        default:
            return 0
        }
    }
}

/// A place in a file: line and column count from 1, columns in characters (Unicode scalars); the end is exclusive.
struct SourceSpan: Sendable, Hashable {
    var file: Int32
    var line: Int32
    var column: Int32
    var endLine: Int32
    var endColumn: Int32

    /// The very beginning of a file.
    static func top(of file: SourceFile) -> SourceSpan {
        SourceSpan(file: file.id, line: 1, column: 1, endLine: 1, endColumn: 1)
    }

    /// Where it begins, without extent: for mappings and lists, whose extent would underline half the file.
    var start: SourceSpan {
        SourceSpan(
            file: self.file,
            line: self.line,
            column: self.column,
            endLine: self.line,
            endColumn: self.column
        )
    }
}
