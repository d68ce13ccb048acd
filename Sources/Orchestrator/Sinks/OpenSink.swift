/// A sink that is there.
enum OpenSink: Sendable {
    case file(JSONLinesSink)
    case exec(ExecSink)
    case socket(SocketSink)

    var queue: EventQueue {
        switch self {
        case .file(let sink): sink.queue
        case .exec(let sink): sink.queue
        case .socket(let sink): sink.queue
        }
    }

    /// Nil for another kind.
    var file: JSONLinesSink? {
        if case .file(let sink) = self { sink } else { nil }
    }

    var identity: SinkIdentity {
        switch self {
        case .file(let sink): .file(path: sink.path)
        case .exec(let sink): .exec(command: sink.command)
        case .socket(let sink): .socket(path: sink.path)
        }
    }
}
