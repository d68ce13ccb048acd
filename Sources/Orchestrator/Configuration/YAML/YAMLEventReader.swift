internal import CYAML

/// One event of libyaml, detached from libyaml's memory.
struct YAMLEvent {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd
        case alias(String)
        case scalar(String, isPlain: Bool, mayExpand: Bool)
        case sequenceStart
        case mappingStart
    }

    var kind: Kind
    var anchor: String?
    var tag: String?
    var span: SourceSpan
}

/// What libyaml says about a text it cannot read.
struct YAMLSyntaxError: Error {
    var problem: String
    var context: String?
    /// Where the thing began inside which the problem is.
    var contextSpan: SourceSpan?
    var span: SourceSpan
}

/// Reads events from a text. The one place that talks to libyaml.
final class YAMLEventReader {
    // The parser points into itself once it has input, so it must not move.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let file: SourceFile

    init(_ file: SourceFile) throws(YAMLSyntaxError) {
        self.file = file
        self.parser = .allocate(capacity: 1)
        self.input = .allocate(capacity: max(file.bytes.count, 1))
        _ = self.input.initialize(from: file.bytes)
        guard yaml_parser_initialize(self.parser) == 1 else {
            self.parser.initialize(to: yaml_parser_t())
            throw YAMLSyntaxError(problem: "out of memory", span: .top(of: file))
        }
        // Without this a UTF-16 file would be read, with marks that do not fit its bytes.
        yaml_parser_set_encoding(self.parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(self.parser, self.input.baseAddress, file.bytes.count)
    }

    deinit {
        yaml_parser_delete(self.parser)
        self.parser.deallocate()
        self.input.deallocate()
    }

    func next() throws(YAMLSyntaxError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(self.parser, &event) == 1 else { throw self.failure() }
        defer { yaml_event_delete(&event) }
        let span = SourceSpan(
            file: self.file.id,
            line: Int32(clamping: event.start_mark.line) &+ 1,
            column: Int32(clamping: event.start_mark.column) &+ 1,
            endLine: Int32(clamping: event.end_mark.line) &+ 1,
            endColumn: Int32(clamping: event.end_mark.column) &+ 1
        )
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            // A scalar may hold NUL, so its length counts, not its end.
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let mayExpand = bytes.contains(UInt8(ascii: "$"))
            let kind = YAMLEvent.Kind.scalar(
                String(decoding: bytes, as: UTF8.self),
                isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
                mayExpand: mayExpand
            )
            return YAMLEvent(kind: kind, anchor: Self.text(scalar.anchor), tag: Self.text(scalar.tag), span: span)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return YAMLEvent(
                kind: .sequenceStart,
                anchor: Self.text(start.anchor),
                tag: Self.text(start.tag),
                span: span
            )
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return YAMLEvent(
                kind: .mappingStart,
                anchor: Self.text(start.anchor),
                tag: Self.text(start.tag),
                span: span
            )
        case YAML_ALIAS_EVENT:
            return YAMLEvent(kind: .alias(Self.text(event.data.alias.anchor) ?? ""), span: span)
        case YAML_SEQUENCE_END_EVENT:
            return YAMLEvent(kind: .sequenceEnd, span: span)
        case YAML_MAPPING_END_EVENT:
            return YAMLEvent(kind: .mappingEnd, span: span)
        case YAML_DOCUMENT_START_EVENT:
            return YAMLEvent(kind: .documentStart, span: span)
        case YAML_DOCUMENT_END_EVENT:
            return YAMLEvent(kind: .documentEnd, span: span)
        case YAML_STREAM_START_EVENT:
            return YAMLEvent(kind: .streamStart, span: span)
        default:
            return YAMLEvent(kind: .streamEnd, span: span)
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        guard let pointer else { return nil }
        return String(cString: pointer)
    }

    private func failure() -> YAMLSyntaxError {
        let parser = self.parser.pointee
        let problem = parser.problem.map { String(cString: $0) } ?? "unreadable YAML"
        if parser.error == YAML_READER_ERROR {
            // The reader leaves the mark at the beginning; only the offset is right.
            return YAMLSyntaxError(problem: problem, span: self.span(atOffset: Int(parser.problem_offset)))
        }
        let context = parser.context.map { String(cString: $0) }
        return YAMLSyntaxError(
            problem: problem,
            context: context,
            contextSpan: context == nil ? nil : self.span(at: parser.context_mark),
            span: self.span(at: parser.problem_mark)
        )
    }

    private func span(at mark: yaml_mark_t) -> SourceSpan {
        let starts = self.file.lineStarts()
        // At its end libyaml goes on to a line that the file does not have.
        guard mark.line < starts.count else { return self.span(atOffset: self.file.bytes.count) }
        let line = Int32(clamping: mark.line) &+ 1
        let column = Int32(clamping: mark.column) &+ 1
        return SourceSpan(file: self.file.id, line: line, column: column, endLine: line, endColumn: column)
    }

    private func span(atOffset offset: Int) -> SourceSpan {
        let starts = self.file.lineStarts()
        let offset = min(offset, self.file.bytes.count)
        let line = (starts.firstIndex { $0 > offset } ?? starts.count) - 1
        // Characters before the offset: every byte that does not continue another one.
        let column = self.file.bytes[starts[line]..<offset].count { $0 & 0xC0 != 0x80 } + 1
        return SourceSpan(
            file: self.file.id,
            line: Int32(clamping: line + 1),
            column: Int32(clamping: column),
            endLine: Int32(clamping: line + 1),
            endColumn: Int32(clamping: column)
        )
    }
}
