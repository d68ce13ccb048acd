extension Grammar {
    static let jsonl = ObjectDescription(
        "jsonl_sink",
        title: "a jsonl sink",
        doc: "A file of JSON Lines.",
        defaults: JSONLSinkConfiguration(),
        fields: [
            FieldDescription(
                "path",
                \.path,
                .path(what: "a path, or \"-\" for standard output", placeholders: true, orDash: true),
                required: true,
                "the file; `{account}` stands for the account's name, `-` is the daemon's standard output"
            ),
            FieldDescription("rotate", \.rotate, .size(1_000...1_000_000_000_000), "size at which a new file is begun"),
            FieldDescription("keep", \.keep, .integer(0...10_000), "how many old files stay"),
            FieldDescription(
                "fsync",
                \.fsync,
                .word(),
                "forced to disk: `lifecycle` = after each lifecycle event, `always` = after each batch"
            ),
        ]
    )

    static let exec = ObjectDescription(
        "exec_sink",
        title: "an exec sink",
        doc: "A supervised child process that reads JSON Lines on its standard input.",
        defaults: ExecSinkConfiguration(),
        fields: [
            FieldDescription(
                "command",
                \.command,
                .list(.text(what: "a text"), initial: "", count: 1...256).program,
                required: true,
                "program and arguments, without a shell; `{account}` stands for the account's name"
            ),
            FieldDescription("restart", \.restart, .object(Grammar.backoff), "waits before it is started again"),
            FieldDescription(
                "stop_timeout",
                \.stopTimeout,
                .duration(.milliseconds(100)...DurationText.minutes(10)),
                "from the end of its input until it is killed"
            ),
        ]
    )

    static let socket = ObjectDescription(
        "socket_sink",
        title: "a socket sink",
        doc: "A Unix socket with many readers.",
        defaults: SocketSinkConfiguration(),
        fields: [
            FieldDescription(
                "path",
                \.path,
                .path(what: "a path", placeholders: true),
                required: true,
                "the socket; `{account}` stands for the account's name"
            )
        ]
    )

    /// One key per kind of sink.
    static let sinkForms: [ObjectShape] = [
        Grammar.sinkForm("jsonl", Grammar.jsonl.shape), Grammar.sinkForm("exec", Grammar.exec.shape),
        Grammar.sinkForm("socket", Grammar.socket.shape),
    ]

    private static func sinkForm(_ key: String, _ shape: ObjectShape) -> ObjectShape {
        ObjectShape(
            name: "\(key)_form",
            title: "a sink",
            doc: shape.doc,
            fields: [FieldShape(key: key, shape: .object(shape), isRequired: true, defaultText: nil, doc: shape.doc)]
        )
    }
}

extension ValueType<SinkConfiguration> {
    static var sink: ValueType<SinkConfiguration> {
        ValueType(
            shape: .oneOf(Grammar.sinkForms),
            describe: { _ in nil },
            flatten: { sink, key, keys in
                switch sink {
                case .jsonl(let file): Grammar.jsonl.flatten(file, under: key + ".jsonl", into: &keys)
                case .exec(let program): Grammar.exec.flatten(program, under: key + ".exec", into: &keys)
                case .socket(let socket): Grammar.socket.flatten(socket, under: key + ".socket", into: &keys)
                }
            }
        ) { node, value, context in
            guard case .mapping(let entries) = node.content, entries.count == 1, let entry = entries.first else {
                if case .mapping = node.content {
                    context.log.error(
                        .badValue,
                        node.place,
                        "a sink has exactly one key",
                        expected: "jsonl:, exec: or socket:",
                        help: "begin each sink with \"- \""
                    )
                } else {
                    context.wrongType(node, expected: "a sink, such as - jsonl: { path: \"events/{account}.jsonl\" }")
                }
                return false
            }
            let outerKey = context.key
            defer { context.key = outerKey }
            context.key = entry.key
            switch entry.key {
            case "jsonl":
                var sink = JSONLSinkConfiguration()
                guard Grammar.jsonl.decode(entry.value, into: &sink, context: context) else { return false }
                value = .jsonl(sink)
            case "exec":
                var sink = ExecSinkConfiguration()
                guard Grammar.exec.decode(entry.value, into: &sink, context: context) else { return false }
                value = .exec(sink)
            case "socket":
                var sink = SocketSinkConfiguration()
                guard Grammar.socket.decode(entry.value, into: &sink, context: context) else { return false }
                value = .socket(sink)
            default:
                let kinds = ["jsonl", "exec", "socket"]
                context.log.error(
                    .unknownKey,
                    entry.keySpan,
                    "unknown kind of sink \(MessageText.quoted(entry.key))",
                    expected: MessageText.alternatives(kinds),
                    suggestion: Suggestion.nearest(to: entry.key, among: kinds)
                )
                return false
            }
            return true
        }
    }
}

extension ValueType<[String]> {
    /// The first word is a program: with a slash in it, a path relative to the file; without one, looked up in `PATH`.
    fileprivate var program: ValueType<[String]> {
        ValueType(
            shape: self.shape,
            describe: self.describe,
            flatten: { command, key, keys in
                // Arguments may hold secrets.
                let count = command.count - 1
                let rest = count > 0 ? " and \(count) argument\(count == 1 ? "" : "s")" : ""
                keys.append(FlatKey(key: key, text: (command.first ?? "") + rest))
            }
        ) { node, value, context in
            guard self.decode(node, &value, context) else { return false }
            guard let program = value.first, program.hasPrefix("~") || program.utf8.contains(UInt8(ascii: "/")) else {
                return true
            }
            guard case .sequence(let items) = node.content, let first = items.first,
                Placeholders.check(program, first, context), let path = context.resolvePath(program, first)
            else { return false }
            value[0] = path
            return true
        }
    }
}
