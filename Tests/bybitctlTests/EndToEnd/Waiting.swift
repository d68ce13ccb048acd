import Foundation

/// A condition that did not come true in time, or a process that did something else.
struct Disappointment: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Asks until there is an answer. Deadlines are generous: two busy cores are enough.
func eventually<Answer>(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ probe: () async throws -> Answer?
) async throws -> Answer {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
        if let answer = try await probe() { return answer }
        guard clock.now < deadline else { throw Disappointment("\(what): not within \(limit)") }
        try await clock.sleep(for: .milliseconds(20))
    }
}

/// Asks until the answer is yes.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ probe: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: limit) { try await probe() ? () : nil }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
