public import NIOCore

extension ControlClient {
    /// The most actions that one answer holds.
    public static let mostActions = ControlQuery.maxActions

    /// Actions from the journal.
    /// - Returns: the bytes of an ``ActionsReport``.
    public func actions(_ request: ActionsRequest) async throws -> ByteBuffer {
        try await self.get(ControlQuery.uri(for: request)).1
    }
}
