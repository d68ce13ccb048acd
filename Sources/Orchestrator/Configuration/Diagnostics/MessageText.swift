/// How pieces of a file and numbers look inside a message.
enum MessageText {
    /// A piece of a file in quotation marks: one line, no control characters, not endless.
    static func quoted(_ text: String) -> String { "\"\(MessageText.shortened(text))\"" }

    /// The same without the marks.
    static func shortened(_ text: String) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if count == 60 {
                result += "…"
                break
            }
            count += 1
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\"": result += "\\\""
            case _ where MessageText.isInvisible(scalar): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `8388608` as `8,388,608`.
    static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var result = ""
        while digits.utf8.count > 3 {
            result = "," + digits.suffix(3) + result
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + digits + result
    }

    /// `a, b or c`.
    static func alternatives(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// Control characters and those that change the direction or look of what follows.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
    }
}
