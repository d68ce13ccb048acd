/// What makes two sinks of the configuration the same one.
enum SinkIdentity: Sendable, Hashable {
    case file(path: String)
    case exec(command: [String])
    case socket(path: String)

    init(_ configuration: SinkConfiguration) {
        switch configuration {
        case .jsonl(let file): self = .file(path: file.path)
        case .exec(let exec): self = .exec(command: exec.command)
        case .socket(let socket): self = .socket(path: socket.path)
        }
    }

    /// Each once, in the order of the configuration.
    static func all(_ configurations: [SinkConfiguration]) -> [SinkIdentity] {
        var seen: Set<SinkIdentity> = []
        return configurations.map(SinkIdentity.init).filter { seen.insert($0).inserted }
    }
}
