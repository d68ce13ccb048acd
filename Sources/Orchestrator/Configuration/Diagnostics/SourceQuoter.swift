/// Quotes the line of a place: secrets masked, control characters made visible, long lines cut around the caret.
final class SourceQuoter {
    /// What stands for a secret, whatever its length.
    static let mask = "********"
    private static let before = 60
    private static let width = 120

    private struct Line {
        var scalars: [Unicode.Scalar]
        /// Half-open ranges of `scalars` that are not shown, in order, not overlapping.
        var masks: [Range<Int>]
    }

    private let files: [SourceFile]
    private let masks: [Int32: [SourceSpan]]
    private let broken: Set<Int32>
    private var starts: [Int32: [Int]] = [:]
    /// Nil inside for a line without a key.
    private var leadingKeys: [Int32: [Int: String?]] = [:]
    private var last: (file: Int32, number: Int, line: Line)?

    init(files: [SourceFile], masks: [Int32: [SourceSpan]], broken: Set<Int32>) {
        self.files = files
        self.masks = masks
        self.broken = broken
    }

    /// Nil if there is nothing in that line.
    func excerpt(_ span: SourceSpan) -> Diagnostic.Excerpt? {
        guard let line = self.line(Int(span.line), of: span.file), !line.scalars.isEmpty else { return nil }
        let count = line.scalars.count
        let caret = min(Int(span.column) - 1, count)
        let end =
            span.endLine == span.line ? min(Int(span.endColumn) - 1, count) : SourceQuoter.visibleCount(line.scalars)
        // The window, in characters of the line.
        let from = caret > SourceQuoter.before && count > SourceQuoter.width ? caret - SourceQuoter.before : 0
        let to = min(count, from + SourceQuoter.width)
        var text = from > 0 ? "…" : ""
        var length = text.unicodeScalars.count
        var caretOffset: Int?
        var caretEnd: Int?
        var index = from
        var masks = line.masks.drop { $0.upperBound <= from }
        while index < to {
            let masked = masks.first.flatMap { $0.contains(index) ? $0 : nil }
            let next = masked?.upperBound ?? index + 1
            if caretOffset == nil, caret < next { caretOffset = length }
            if caretEnd == nil, end <= index { caretEnd = length }
            if masked != nil {
                text += SourceQuoter.mask
                length += SourceQuoter.mask.unicodeScalars.count
                masks = masks.dropFirst()
            } else {
                text.unicodeScalars.append(SourceQuoter.visible(line.scalars[index]))
                length += 1
            }
            index = next
        }
        let offset = caretOffset ?? length
        let extent = max((caretEnd ?? length) - offset, 1)
        if index < count { text += "…" }
        return Diagnostic.Excerpt(text: text, caretOffset: offset, caretLength: min(extent, SourceQuoter.width))
    }

    /// The length without blanks at the end.
    private static func visibleCount(_ scalars: [Unicode.Scalar]) -> Int {
        (scalars.lastIndex { !$0.properties.isWhitespace }).map { $0 + 1 } ?? 0
    }

    /// A terminal must not be told anything by a file.
    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar == "\t" { return scalar }
        return MessageText.isInvisible(scalar) ? "\u{FFFD}" : scalar
    }

    private func line(_ number: Int, of file: Int32) -> Line? {
        if let last, last.file == file, last.number == number { return last.line }
        guard let scalars = self.scalars(number, of: file) else { return nil }
        var masks = (self.masks[file] ?? []).compactMap { $0.columns(inLine: number, count: scalars.count) }
        masks += SecretText.ranges(in: scalars)
        if self.broken.contains(file) {
            if self.continuesSecret(number, of: file) {
                masks.append(0..<scalars.count)
            } else if self.isNearSecret(scalars, number, of: file) {
                masks += SecretText.strangeWords(in: scalars, known: SourceQuoter.knownWords)
            }
        }
        let line = Line(scalars: scalars, masks: SourceQuoter.merged(masks, in: scalars))
        self.last = (file, number, line)
        return line
    }

    private func scalars(_ number: Int, of file: Int32) -> [Unicode.Scalar]? {
        let source = self.files[Int(file)]
        let starts = self.starts[file] ?? source.lineStarts()
        self.starts[file] = starts
        guard starts.indices.contains(number - 1) else { return nil }
        let end = number < starts.count ? starts[number] : source.bytes.count
        var scalars = Array(String(decoding: source.bytes[starts[number - 1]..<end], as: UTF8.self).unicodeScalars)
        while let last = scalars.last, ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(last) {
            scalars.removeLast()
        }
        return scalars
    }

    /// Whether a line without a key of its own goes on with the value of a secret, as in a block of text or a quote
    /// that was never closed.
    private func continuesSecret(_ number: Int, of file: Int32) -> Bool {
        for earlier in stride(from: number, to: max(0, number - 200), by: -1) {
            guard let key = self.leadingKey(earlier, of: file) else { continue }
            return earlier != number && Secrecy.isSecretKey(key)
        }
        return false
    }

    /// The key a line begins with. Remembered, since every message looks back over the same long lines.
    private func leadingKey(_ number: Int, of file: Int32) -> String? {
        if let known = self.leadingKeys[file]?[number] { return known }
        let key = self.scalars(number, of: file).flatMap { SecretText.leadingKey(of: $0) }
        self.leadingKeys[file, default: [:]][number] = .some(key)
        return key
    }

    /// Whether a secret may stand in a line that could not be read: it speaks of secrets itself, or follows a line that
    /// does and does not begin with a harmless key.
    private func isNearSecret(_ scalars: [Unicode.Scalar], _ number: Int, of file: Int32) -> Bool {
        if SecretText.mentionsSecrets(scalars) { return true }
        if let key = SecretText.leadingKey(of: scalars), SourceQuoter.knownWords.contains(key) { return false }
        return (max(1, number - 3)..<max(1, number)).contains { earlier in
            self.scalars(earlier, of: file).map { SecretText.mentionsSecrets($0) } ?? false
        }
    }

    /// The words of the grammar: keys and what they may be set to.
    private static let knownWords: Set<String> = {
        var words: Set<String> = ["true", "false", "null", "off"]
        for object in ConfigurationSchema.objects {
            for field in object.fields {
                words.insert(field.key)
                if case .word(let values) = field.shape { words.formUnion(values) }
            }
        }
        return words
    }()

    /// Sorted and joined; what is only a reference to the environment stays visible.
    private static func merged(_ masks: [Range<Int>], in scalars: [Unicode.Scalar]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for mask in masks.sorted(by: { $0.lowerBound < $1.lowerBound }) where !mask.isEmpty {
            if SecretText.isReference(scalars[mask]) { continue }
            if let last = result.last, mask.lowerBound < last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, mask.upperBound)
            } else {
                result.append(mask)
            }
        }
        return result
    }
}

extension SourceSpan {
    /// The part of the span that lies in a line, as a range of its characters.
    fileprivate func columns(inLine number: Int, count: Int) -> Range<Int>? {
        guard self.line <= number, number <= self.endLine else { return nil }
        let from = self.line == number ? Int(self.column) - 1 : 0
        let to = self.endLine == number ? Int(self.endColumn) - 1 : count
        guard from < to, from < count else { return nil }
        return from..<min(to, count)
    }
}
