import HybridStream
import Orchestrator

/// Keeps the lines of every account, as a `jsonl` sink does, and runs them through the same strategy again: what is decided
/// then must be what the journal has.
final class ReplayOracle {
    private var lines: [String: [UInt8]] = [:]
    /// Accounts whose process was killed while the store lacked something that their consumers had seen: the next one
    /// knew less than the recording tells.
    private var forgetful: Set<String> = []
    private(set) var compared = 0

    /// What all accounts run; nil for the usual ones.
    private let strategy: Strategy?

    init(_ strategy: Strategy?) { self.strategy = strategy }

    func keep(_ lines: [UInt8], of account: String) { self.lines[account, default: []] += lines }

    /// The process is about to be killed.
    func crashes(_ accounts: [AccountSupervisor], _ journal: VirtualJournal) {
        for account in accounts {
            if account.executor?.owesStates != false || journal.isWriting { self.forgetful.insert(account.name) }
        }
    }

    /// What differs between the journal and the replays; empty if nothing does.
    func differences(_ accounts: [String], _ journal: VirtualJournal) -> [String] {
        var found: [String] = []
        for (number, account) in accounts.enumerated() where !self.forgetful.contains(account) {
            let recording = Recording(name: account, lines: self.lines[account] ?? [])
            let journalled = journal.inOrder(of: account).map { record in
                let values = record.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                return "\(record.orderLinkID) \(record.consumer) \(record.action) \(record.opening.key.symbol)/"
                    + "\(record.opening.key.positionIndex) \(values)"
            }
            do {
                let strategy = self.strategy ?? VirtualClient.strategy(number)
                let outcome = try ReplayRun(strategy: strategy).run([recording])
                let decided = outcome.actions.map { action in
                    let values = action.what.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                    return "\(action.id) \(action.what.consumer) \(action.what.action) \(action.what.symbol)/"
                        + "\(action.what.positionIndex) \(values)"
                }
                self.compared += journalled.count
                // What a full disk has refused comes into the journal late.
                if journal.wasFull ? decided.sorted() != journalled.sorted() : decided != journalled {
                    let place = zip(decided, journalled).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                    let first = place ?? min(decided.count, journalled.count)
                    found.append(
                        "\(account): \(journalled.count) in the journal, \(decided.count) replayed; number \(first + 1) is "
                            + "\(first < journalled.count ? journalled[first] : "none") in the journal, "
                            + "\(first < decided.count ? decided[first] : "none") replayed"
                    )
                } else if !outcome.isAsRecorded, !journalled.isEmpty {
                    found.append("\(account): the replay does not know that it is as recorded")
                }
            } catch {
                found.append("\(account): \(error)")
            }
        }
        return found
    }
}
