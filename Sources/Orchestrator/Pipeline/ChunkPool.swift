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
        var chunk = self.chunks.withLock { $0.popLast() } ?? []
        // Here it has no other owner, so that its memory is kept.
        chunk.removeAll(keepingCapacity: true)
        return chunk
    }

    /// Takes the memory of a buffer that has been read, if it is much. A thousand queues that each keep what their greatest
    /// burst needed would hold most of the process's memory.
    func reclaim(_ buffer: inout [UInt8]) {
        guard buffer.capacity >= ChunkPool.smallest else { return }
        var chunk: [UInt8] = []
        swap(&chunk, &buffer)
        self.give(chunk)
    }

    func give(_ chunk: [UInt8]) {
        guard chunk.capacity >= ChunkPool.smallest, chunk.capacity <= ChunkPool.largest else { return }
        self.chunks.withLock { if $0.count < ChunkPool.most { $0.append(chunk) } }
    }
}
