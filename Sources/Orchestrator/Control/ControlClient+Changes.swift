import AsyncHTTPClient
import Foundation
public import NIOCore
import NIOHTTP1

extension ControlClient {
    /// The most revisions that one answer holds.
    public static let mostRevisions = ControlQuery.maxRevisions

    /// How much longer than the request's own time its answer may take: the instance answers when that is over.
    private static let grace = Duration.seconds(10)
    /// A plan reads and checks a whole file.
    private static let planTime = Duration.seconds(60)

    /// Changes what runs. If this task is cancelled or ends, the change goes on.
    /// - Parameter onProgress: called for each account when it has come through.
    /// - Returns: what became of it, also if it was refused for some accounts.
    /// - Throws: ``ControlClientError`` if nothing was changed, or if it cannot be told.
    public func change(
        _ request: ChangeRequest,
        onProgress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        try await self.change(request, grace: ControlClient.grace, onProgress: onProgress)
    }

    func change(
        _ request: ChangeRequest,
        grace: Duration,
        onProgress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        let body = ByteBuffer(bytes: try JSONEncoder().encode(request))
        return try await self.inTime(.milliseconds(request.timeoutMilliseconds) + grace) {
            let response = try await self.open("/v1/changes", posting: body)
            var lines = LineSplitter()
            do {
                for try await chunk in response.body {
                    lines.append(chunk)
                    while let line = lines.next() {
                        switch try ControlClient.line(line) {
                        case .progress(let account): onProgress(account)
                        case .report(let report): return report
                        case .error(let refusal):
                            throw ControlClientError(.failed, refusal.error, refusal: refusal)
                        }
                    }
                }
            } catch let error as ControlClientError {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch {
                throw ControlClient.brokenOff("\(error)")
            }
            throw ControlClient.brokenOff("it ended early")
        }
    }

    /// What an `apply` would do.
    /// - Parameter file: absolute; nil means the file that the instance was started with.
    public func plan(file: String?) async throws -> PlanDocument {
        let body = ByteBuffer(bytes: try JSONEncoder().encode(PlanRequest(file: file)))
        return try await self.inTime(ControlClient.planTime) {
            let response = try await self.open("/v1/plan", posting: body, within: ControlClient.planTime)
            guard let differences = response.headers.first(name: ControlRoutes.differencesHeader) else {
                throw ControlClientError(.failed, "the instance's plan does not say whether it changes anything")
            }
            return PlanDocument(
                json: try await response.body.collect(upTo: ControlClient.longestAnswer),
                hasDifferences: differences == "1"
            )
        }
    }

    /// What was changed, when, by whom and why.
    /// - Returns: the bytes of a ``RevisionsReport``.
    public func revisions(_ request: RevisionsRequest) async throws -> ByteBuffer {
        try await self.get(ControlQuery.uri(for: request)).1
    }

    private static func line(_ bytes: ByteBuffer) throws -> ChangeLine {
        do {
            return try JSONDecoder().decode(ChangeLine.self, from: Data(bytes.readableBytesView))
        } catch {
            throw ControlClientError(.failed, "a line of the instance's answer cannot be read: \(error)")
        }
    }

    static func brokenOff(_ reason: String) -> ControlClientError {
        ControlClientError(
            .notRunning,
            """
            the instance broke off its answer (\(reason)); what was asked for may be done, in part or not at all: \
            bybitctl status and bybitctl history say
            """
        )
    }
}
