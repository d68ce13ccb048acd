import Synchronization

/// Memory of pieces that were read, kept for the next burst instead of going back to the system page by page.
final class ChunkPool: Sendable {
    static let shared = ChunkPool()

    /// At most so many are kept, by all queues of the process together.
    private static let most = 32
    /// Smaller ones are not worth it.
    private static let smallest = 16 * 1_024
    private static let largest = 256 * 1_024

    private let chunks = Mutex<[[UInt8]]>([])

    /// An empty array, with memory if there is some.
    func take() -> [UInt8] {
        self.chunks.withLock { $0.popLast() } ?? []
    }

    func give(_ chunk: consuming [UInt8]) {
        guard chunk.capacity >= ChunkPool.smallest, chunk.capacity <= ChunkPool.largest else { return }
        chunk.removeAll(keepingCapacity: true)
        let empty = chunk
        self.chunks.withLock { if $0.count < ChunkPool.most { $0.append(empty) } }
    }
}
