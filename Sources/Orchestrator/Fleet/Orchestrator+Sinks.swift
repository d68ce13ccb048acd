import HybridStream
import Logging
import NIOCore
import Synchronization

extension Orchestrator {
    /// A sink fails, or works again: the accounts that use it are degraded meanwhile.
    func sinkChanged(_ queue: EventQueue, _ name: String, _ trouble: SinkTrouble?) {
        if let trouble {
            self.logger.error("a sink fails", metadata: ["reason": "\(trouble)"])
        } else {
            self.logger.notice("a sink works again", metadata: ["sink": "\(name)"])
        }
        let services = self.state.withLock { state in
            state.failingSinks[ObjectIdentifier(queue)] = trouble.map { (name, $0) }
            return state.services
        }
        guard let services else { return }
        for loop in services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts where account.queues.contains(where: { $0 === queue }) {
                    account.sinkChanged(path: name, trouble: trouble)
                }
            }
        }
    }

    /// Somebody has begun to read from a socket, or has left. The queue's filter says which accounts it is about.
    func readerChanged(_ queue: EventQueue, isThere: Bool) {
        let services = self.state.withLock { state in
            state.readers[ObjectIdentifier(queue)] = isThere ? queue : nil
            return state.services
        }
        guard let services else { return }
        for loop in services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts {
                    if isThere { account.pipeline.attach(queue) } else { account.pipeline.detach(queue) }
                }
            }
        }
    }

    /// An account starts: it joins those who are read at a socket, and hears of sinks that have failed before it was there.
    /// On its loop.
    func introduce(_ account: AccountSupervisor) {
        let (readers, failing) = self.state.withLock { state in
            (Array(state.readers.values), account.queues.compactMap { state.failingSinks[ObjectIdentifier($0)] })
        }
        for queue in readers { account.pipeline.attach(queue) }
        for (name, trouble) in failing { account.sinkChanged(path: name, trouble: trouble) }
    }
}
