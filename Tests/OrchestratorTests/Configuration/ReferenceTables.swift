@testable import Orchestrator

/// The tables of docs/configuration.md, made from the descriptions that the decoder uses.
enum ReferenceTables {
    /// One table per mapping, in the order in which the file names them.
    static func all() -> [(object: ObjectShape, table: String)] {
        // The forms of a sink have one key each; the handbook shows them as sections.
        ConfigurationSchema.objects.filter { !$0.name.hasSuffix("_form") }.map { ($0, self.table($0)) }
    }

    private static func table(_ object: ObjectShape) -> String {
        var text = "| key | value | default | meaning |\n|---|---|---|---|\n"
        for field in object.fields {
            let standard = field.isRequired ? "required" : field.defaultText.map { "`\($0)`" } ?? ""
            text += "| `\(field.key)` | \(self.describe(field.shape)) | \(standard) | \(field.doc) |\n"
        }
        return text
    }

    private static func describe(_ shape: ValueShape) -> String {
        switch shape {
        case .boolean:
            return "`true` or `false`"
        case .integer(let range):
            return range.count == 1
                ? "`\(range.lowerBound)`"
                : "whole number, \(MessageText.grouped(range.lowerBound)) to \(MessageText.grouped(range.upperBound))"
        case .decimal(let range, let isZeroAllowed):
            return "number, \(range.lowerBound) to \(range.upperBound)" + (isZeroAllowed ? ", or 0" : "")
        case .duration(let range):
            return "duration, \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
        case .size(let range):
            return "size, \(SizeText.text(range.lowerBound)) to \(SizeText.text(range.upperBound))"
        case .text(let what, _), .mixed(let what, _):
            return what
        case .word(let words):
            return MessageText.alternatives(words.map { "`\($0)`" })
        case .list(let inner, _):
            return "list: " + self.describe(inner)
        case .object(let object):
            return "[\(object.name)](#\(object.name))"
        case .offOr(let inner):
            return self.describe(inner) + ", or `off`"
        case .map(let object, _):
            return "by name: [\(object.name)](#\(object.name))"
        case .oneOf(let forms):
            return MessageText.alternatives(
                forms.map { form in
                    guard form.name.hasSuffix("_form"), let key = form.fields.first?.key else {
                        return "[\(form.name)](#\(form.name))"
                    }
                    return "[`\(key):`](#\(key)_sink)"
                }
            )
        }
    }
}
