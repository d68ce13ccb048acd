import Chaos
import Foundation

extension ChaosRun {
    /// One at a time, on a thread of its own: simulations compute for minutes, and the tests beside them need the threads of
    /// the process to get on.
    private static let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        return queue
    }()

    static func apart(_ plan: ChaosPlan) async -> Outcome {
        await withCheckedContinuation { continuation in
            self.queue.addOperation { continuation.resume(returning: ChaosRun(plan).run()) }
        }
    }
}
