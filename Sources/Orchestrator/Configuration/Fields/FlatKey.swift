/// One key of a configuration with its full name, as `stream.reconnect.max`, and its value as it would stand in the file.
struct FlatKey: Sendable, Equatable {
    var key: String
    var text: String
}
