import Foundation
import Hummingbird
import NIOCore
import ServiceLifecycle

/// What the control socket answers.
struct ControlRoutes: Sendable {
    let instance: String
    let backend: any ControlBackend

    /// Says the fleet's health beside a status report, so that a client that passes the bytes on need not read them.
    static let healthHeader = "x-bybitctl-health"

    /// Says beside a plan whether it would change anything.
    static let differencesHeader = "x-bybitctl-differences"

    func router() -> Router<ControlContext> {
        let router = Router(context: ControlContext.self)
        router.get("/v1/status") { request, _ in try await self.status(request) }
        router.get("/v1/events") { request, _ in try await self.events(request) }
        router.get("/v1/actions") { request, _ in try await self.actions(request) }
        router.get("/v1/revisions") { request, _ in try await self.revisions(request) }
        router.post("/v1/changes") { request, context in try await self.change(request, context) }
        router.post("/v1/plan") { request, _ in try await self.plan(request) }
        router.get("/v1/version") { _, _ in try self.version() }
        return router
    }

    private func status(_ request: Request) async throws -> Response {
        let query: ControlQuery.Status
        do {
            query = try ControlQuery.Status(parameters: request.uri.queryParameters)
        } catch {
            return try ControlRoutes.refusal(.badRequest, ControlRefusal(error: error.description))
        }
        if let refusal = await self.unknown(query.accounts) { return try ControlRoutes.refusal(.notFound, refusal) }
        var report = await self.backend.statusReport(
            includePositions: query.includePositions,
            accounts: query.accounts
        )
        report.rollUp(wholeFleet: query.accounts.isEmpty)
        var response = ControlRoutes.json(report.json())
        if let name = HTTPFields.Element.Name(ControlRoutes.healthHeader) {
            response.headers[name] = report.health.rawValue
        }
        return response
    }

    private func events(_ request: Request) async throws -> Response {
        let filter: FollowRequest
        do {
            filter = try ControlQuery.filter(parameters: request.uri.queryParameters)
        } catch {
            return try ControlRoutes.refusal(.badRequest, ControlRefusal(error: error.description))
        }
        if let refusal = await self.unknown(filter.accounts) { return try ControlRoutes.refusal(.notFound, refusal) }
        var response = Response(
            status: .ok,
            body: ResponseBody { [backend] writer in
                // Subscribed here and not earlier: if the head cannot be written, this never runs and nothing leaks.
                let subscription = await backend.follow(filter)
                defer { subscription.cancel() }
                try await ControlRoutes.pump(subscription, of: request, into: &writer)
            }
        )
        response.headers[.contentType] = "application/x-ndjson"
        return response
    }

    private func actions(_ request: Request) async throws -> Response {
        let query: ActionsRequest
        do {
            query = try ControlQuery.actions(parameters: request.uri.queryParameters)
        } catch {
            return try ControlRoutes.refusal(.badRequest, ControlRefusal(error: error.description))
        }
        let history: ActionHistory
        do {
            history = try await self.backend.actions(query)
        } catch {
            return try ControlRoutes.refusal(error)
        }
        // An account that has left the file has a history all the same.
        let known = Set(history.accounts).union(await self.backend.accountNames()).sorted()
        if let refusal = ControlRefusal.unknownAccounts(asked: query.accounts, existing: known) {
            return try ControlRoutes.refusal(.notFound, refusal)
        }
        return ControlRoutes.json(ActionsReport(history).json())
    }

    /// Copies events until the stream ends, the follower is gone, or the server shuts down.
    private static func pump(
        _ subscription: any EventSubscription,
        of request: Request,
        into writer: inout any ResponseBodyWriter
    ) async throws {
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await request.body.consumeWithInboundCloseHandler { _ in
                    while let lines = await subscription.next() {
                        try await writer.write(lines)
                    }
                    try await writer.finish(nil)
                } onInboundClosed: {
                    subscription.cancel()
                }
            } onCancel: {
                subscription.cancel()
            }
        } onGracefulShutdown: {
            // What waits for the reader is still to be sent.
            subscription.finish()
        }
    }

    private func version() throws -> Response {
        try ControlRoutes.json(
            .ok,
            InstanceVersion(version: BybitctlVersion.current, instance: self.instance, pid: getpid())
        )
    }

    func unknown(_ accounts: [String]) async -> ControlRefusal? {
        guard !accounts.isEmpty else { return nil }
        return ControlRefusal.unknownAccounts(asked: accounts, existing: await self.backend.accountNames())
    }

    static func refusal(_ status: HTTPResponse.Status, _ refusal: ControlRefusal) throws -> Response {
        try self.json(status, refusal)
    }

    /// What the backend could not do.
    static func refusal(_ error: any Error) throws -> Response {
        try self.json(.internalServerError, ControlRefusal(error))
    }

    static func json(_ bytes: ByteBuffer) -> Response {
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: bytes))
        response.headers[.contentType] = "application/json"
        return response
    }

    private static func json(_ status: HTTPResponse.Status, _ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var response = self.json(ByteBuffer(bytes: try encoder.encode(value)))
        response.status = status
        return response
    }
}
