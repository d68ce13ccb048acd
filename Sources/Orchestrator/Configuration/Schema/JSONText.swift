/// JSON with its keys in the order they were given, written out indented.
indirect enum JSONText: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// Digits as they stand, so that a decimal stays exact.
    case number(String)
    case string(String)
    case array([JSONText])
    case object([(String, JSONText)])

    func text() -> String {
        var result = ""
        self.write(to: &result, indentation: 0)
        return result + "\n"
    }

    private func write(to text: inout String, indentation: Int) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let digits): text += digits
        case .string(let value): JSONText.write(value, to: &text)
        case .array(let items):
            JSONText.write(items, brackets: ("[", "]"), to: &text, indentation: indentation) { item, text, inner in
                item.write(to: &text, indentation: inner)
            }
        case .object(let members):
            JSONText.write(members, brackets: ("{", "}"), to: &text, indentation: indentation) { member, text, inner in
                JSONText.write(member.0, to: &text)
                text += ": "
                member.1.write(to: &text, indentation: inner)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item],
        brackets: (String, String),
        to text: inout String,
        indentation: Int,
        item: (Item, inout String, Int) -> Void
    ) {
        text += brackets.0
        for (index, element) in items.enumerated() {
            text += index == 0 ? "\n" : ",\n"
            text += String(repeating: "  ", count: indentation + 1)
            item(element, &text, indentation + 1)
        }
        if !items.isEmpty { text += "\n" + String(repeating: "  ", count: indentation) }
        text += brackets.1
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
