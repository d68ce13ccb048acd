/// Columns of text, each as wide as its widest cell. Nothing is ever cut or wrapped: names are for copying.
struct TextTable {
    enum Alignment {
        case left, right
    }

    struct Column {
        let title: String
        let alignment: Alignment

        init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    struct Cell: ExpressibleByStringInterpolation {
        let text: String
        let style: TextStyle

        init(_ text: String, _ style: TextStyle = .plain) {
            self.text = text
            self.style = style
        }

        init(stringLiteral value: String) {
            self.init(value)
        }
    }

    let columns: [Column]
    private(set) var rows: [[Cell]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row; missing cells are empty, surplus ones are dropped.
    mutating func append(_ cells: [Cell]) {
        var cells = Array(cells.prefix(self.columns.count))
        while cells.count < self.columns.count { cells.append("") }
        self.rows.append(cells)
    }

    /// Lines with line feeds; nothing for a table without rows.
    func text(_ terminal: Terminal) -> String {
        guard !self.rows.isEmpty else { return "" }
        let widths = self.columns.indices.map { index in
            self.rows.reduce(self.columns[index].title.count) { max($0, $1[index].text.count) }
        }
        var text = self.line(self.columns.map { Cell($0.title, .bold) }, widths, terminal)
        for row in self.rows { text += self.line(row, widths, terminal) }
        return text
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ terminal: Terminal) -> String {
        var line = ""
        var blanks = 0
        for (index, cell) in cells.enumerated() {
            let padding = widths[index] - cell.text.count
            let isRight = self.columns[index].alignment == .right
            blanks += isRight ? padding : 0
            if !cell.text.isEmpty {
                // Blanks are written only before text, so no line ends with them.
                line += String(repeating: " ", count: blanks) + cell.style.applied(to: cell.text, terminal)
                blanks = 0
            }
            blanks += (isRight ? 0 : padding) + 2
        }
        return line + "\n"
    }
}
