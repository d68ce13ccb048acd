import Foundation

extension Daemon {
    /// A command that changes something, and what became of each account.
    func change(
        _ arguments: [String],
        within limit: Duration = .seconds(60)
    ) async throws -> (code: Int32, accounts: [RolloutReportDocument.Account]) {
        let answer = try await self.ask(arguments + ["--output", "json"], within: limit)
        do {
            let document = try JSONLines.decoder.decode(RolloutReportDocument.self, from: Data(answer.output.utf8))
            return (answer.code, document.accounts)
        } catch {
            throw Disappointment("\(arguments) answered \(answer.code): \(answer.output)\(answer.errors)")
        }
    }
}
