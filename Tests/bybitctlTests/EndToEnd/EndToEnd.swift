import Testing

/// The built program over real sockets, against its own simulated exchange in a process of its own.
///
/// What the exchange saw and did is read from its record of truth, what the client made of it from the client's files,
/// status and exit codes. One test at a time: each starts processes, and some measure time.
@Suite(.serialized) enum EndToEnd {}
