import Foundation
public import NIOCore

/// What a start or an `apply` would do, as one JSON object, and whether that is anything.
public struct PlanDocument: Sendable, Equatable {
    /// One line, without a line feed.
    public var json: ByteBuffer
    /// Whether what runs differs from what would run: the exit code of `plan`.
    public var hasDifferences: Bool

    public init(json: ByteBuffer, hasDifferences: Bool) {
        self.json = json
        self.hasDifferences = hasDifferences
    }
}

extension PlanDocument {
    public init(_ plan: FleetPlan) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(json: ByteBuffer(bytes: try encoder.encode(plan)), hasDifferences: plan.hasDifferences)
    }
}

/// The question behind `POST /v1/plan`.
struct PlanRequest: Sendable, Equatable, Codable {
    /// Absolute; nil means the file that the instance was started with.
    var file: String?
}
