import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

extension ControlRoutes {
    /// Room for the names of ten thousand accounts.
    private static let longestRequest = 1 << 20

    /// `POST /v1/changes`: a ``ChangeRequest`` in, lines of ``ChangeLine`` out, as accounts come through.
    func change(_ request: Request, _ context: ControlContext) async throws -> Response {
        var request = request
        let change: ChangeRequest
        switch try await ControlRoutes.body(of: &request, as: ChangeRequest.self) {
        case .success(let read): change = read
        case .failure(let refused): return try ControlRoutes.refusal(.badRequest, refused.refusal)
        }
        if let problem = change.problem {
            return try ControlRoutes.refusal(.badRequest, ControlRefusal(error: problem))
        }
        if let refusal = await self.unknown(change.accounts) { return try ControlRoutes.refusal(.notFound, refusal) }
        let caller: Caller
        do {
            caller = try await context.caller()
        } catch {
            return try ControlRoutes.refusal(error)
        }
        let feed = ChangeFeed()
        feed.begin(change, by: caller, backend: self.backend)
        let asked = request
        var response = Response(
            status: .ok,
            body: ResponseBody { writer in try await ControlRoutes.pump(feed, of: asked, into: &writer) }
        )
        response.headers[.contentType] = "application/x-ndjson"
        return response
    }

    /// `POST /v1/plan`: a ``PlanRequest`` in, the plan as the backend writes it out.
    func plan(_ request: Request) async throws -> Response {
        var request = request
        let question: PlanRequest
        switch try await ControlRoutes.body(of: &request, as: PlanRequest.self) {
        case .success(let read): question = read
        case .failure(let refused): return try ControlRoutes.refusal(.badRequest, refused.refusal)
        }
        if let file = question.file, !file.hasPrefix("/") {
            let refusal = ControlRefusal(error: "the file's path is not absolute: \(file)")
            return try ControlRoutes.refusal(.badRequest, refusal)
        }
        let document: PlanDocument
        do {
            document = try await self.backend.plan(file: question.file)
        } catch {
            return try ControlRoutes.refusal(error)
        }
        var response = ControlRoutes.json(document.json)
        if let name = HTTPField.Name(ControlRoutes.differencesHeader) {
            response.headers[name] = document.hasDifferences ? "1" : "0"
        }
        return response
    }

    /// `GET /v1/revisions`.
    func revisions(_ request: Request) async throws -> Response {
        let query: RevisionsRequest
        do {
            query = try ControlQuery.revisions(parameters: request.uri.queryParameters)
        } catch {
            return try ControlRoutes.refusal(.badRequest, ControlRefusal(error: error.description))
        }
        do {
            let revisions = try await self.backend.revisions(query)
            if let refusal = try await self.unheardOf(query, in: revisions) {
                return try ControlRoutes.refusal(.notFound, refusal)
            }
            return ControlRoutes.json(RevisionsReport(revisions).json())
        } catch {
            return try ControlRoutes.refusal(error)
        }
    }

    /// Names that neither the file nor any revision knows. An account that has left the file has a history all the same.
    private func unheardOf(_ query: RevisionsRequest, in revisions: [Revision]) async throws -> ControlRefusal? {
        guard !query.accounts.isEmpty else { return nil }
        let existing = await self.backend.accountNames()
        var known = Set(existing).union(revisions.flatMap(\.accounts))
        let missing = query.accounts.filter { !known.contains($0) }
        if !missing.isEmpty {
            // It may have one that is older than what was asked for.
            for name in missing {
                let any = RevisionsRequest(accounts: [name], limit: 1)
                known.formUnion(try await self.backend.revisions(any).flatMap(\.accounts))
            }
        }
        return ControlRefusal.unknownAccounts(asked: query.accounts, existing: known.sorted())
    }

    private struct Refused: Error {
        let refusal: ControlRefusal
    }

    private static func body<Value: Decodable>(
        of request: inout Request,
        as type: Value.Type
    ) async throws -> Result<Value, Refused> {
        let bytes: ByteBuffer
        do {
            bytes = try await request.collectBody(upTo: ControlRoutes.longestRequest)
        } catch is NIOTooManyBytesError {
            let limit = "the request is longer than \(ControlRoutes.longestRequest) bytes"
            return .failure(Refused(refusal: ControlRefusal(error: limit)))
        }
        do {
            return .success(try Foundation.JSONDecoder().decode(type, from: Data(bytes.readableBytesView)))
        } catch let error as DecodingError {
            return .failure(Refused(refusal: ControlRefusal(error: "the request cannot be read: \(error.text)")))
        }
    }

    /// Passes lines on until the last, until the asker is gone, or until the server shuts down. The change itself goes on
    /// whatever becomes of this.
    private static func pump(
        _ feed: ChangeFeed,
        of request: Request,
        into writer: inout any ResponseBodyWriter
    ) async throws {
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await request.body.consumeWithInboundCloseHandler { _ in
                    for await line in feed.lines { try await writer.write(line) }
                    try await writer.finish(nil)
                } onInboundClosed: {
                    feed.leave()
                }
            } onCancel: {
                feed.leave()
            }
        } onGracefulShutdown: {
            feed.serverStops()
        }
    }
}

extension DecodingError {
    /// What is wrong and where, without the library's prose.
    fileprivate var text: String {
        switch self {
        case .keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            Self.place(context) + context.debugDescription
        @unknown default: "\(self)"
        }
    }

    private static func place(_ context: Context) -> String {
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? "" : "\(path): "
    }
}
