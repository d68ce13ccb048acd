import Dispatch
import GRDB

extension Store {
    /// What a former process has told of these accounts and need not have delivered. It is kept until
    /// ``toldEventsAreQueued(of:)``, whatever is delivered meanwhile. On the thread, which alone changes the log.
    func loadTold(of accounts: [String], in database: Database) throws -> [String: [ToldEvent]] {
        var log = self.state.withLock { $0.told }
        let told = try log.load(accounts, in: database)
        self.state.withLock { $0.told = log }
        return told
    }

    /// What was loaded of an account waits in its sinks now, and counts like what is told from now on.
    public func toldEventsAreQueued(of account: String) {
        self.thread.async { self.state.withLock { $0.told.release(where: { $0 == account }) } }
    }

    /// Nobody will ever take what former processes have left of other accounts than these.
    public func forgetToldEvents(ofOthersThan accounts: Set<String>) {
        self.thread.async { self.state.withLock { $0.told.release(where: { !accounts.contains($0) }) } }
    }
}
