@testable import HybridStream

// A reply to a REST call as text: the status, headers, an empty line, and the body; `%%` on a line of its own begins
// another page.
//
// What must hold: readers fail with `RESTError` only and read what a slow reading of the same bytes says; errors are one
// short line without secrets; paging ends whatever cursors say; and no reply stops calls for longer than promised.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRESTReplies(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let pages = inputBytes(start, count).pieces(separatedBy: "\n%%\n").map { ScriptedReply(Array($0)) }
    let errors = pages.map { $0.judge() }
    for (page, error) in zip(pages, errors) {
        page.checkBudget(error)
        ResultReading(page.reply.body).check(page.reply)
    }
    for category in Category.allCases { sweep(pages, errors, category: category) }
    return 0
}

private let credentials = Credentials(apiKey: "k3yOfTheAccount", apiSecret: "s3cretOfTheAccount0")

private struct ScriptedReply {
    let reply: RESTReply

    init(_ text: [UInt8]) {
        let parts = text.pieces(separatedBy: "\n\n")
        let lines = Array(parts[0]).pieces(separatedBy: "\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let words = Array(line).pieces(separatedBy: ": ")
            if words.count == 2 { headers[words[0].text.lowercased()] = words[1].text }
        }
        self.reply = RESTReply(
            status: Int(lines[0].text) ?? 200,
            headers: ReplyHeaders { headers[$0.lowercased()] },
            body: Array(text.dropFirst(parts[0].count + 2))
        )
    }

    /// The client's judgement, checked.
    func judge() -> RESTError? {
        let body = self.reply.body
        let envelope = ReplyEnvelope(body)
        if let document = ReferenceJSON(body) { ResultReading.check(envelope, of: document) }
        let error = RESTError.classify(
            status: self.reply.status,
            headers: self.reply.headers,
            body: body,
            removing: credentials
        )
        let isSuccess = (200..<300).contains(self.reply.status) && envelope?.retCode == 0
        expect(
            (error == nil) == isSuccess,
            "status \(self.reply.status), retCode \(envelope?.retCode ?? -1): \(error as Any)"
        )
        guard let error else { return nil }
        for text in [error.message, error.retMsg, error.description] {
            expect(text.utf8.count <= 2_000, "\(text.utf8.count) bytes for the log")
            expect(
                !text.unicodeScalars.contains { $0.properties.generalCategory == .control },
                "'\(text)' is not one line"
            )
            self.checkSecrets(text)
        }
        return error
    }

    private func checkSecrets(_ text: String) {
        // Nothing is claimed of secrets that are hidden in escapes or not whole.
        if self.reply.body.contains(UInt8(ascii: "\\")) { return }
        for secret in [credentials.apiKey, credentials.apiSecret] {
            let beginning = String(secret.prefix(8))
            let whole = self.reply.body.pieces(separatedBy: secret).count
            guard whole == self.reply.body.pieces(separatedBy: beginning).count else { continue }
            expect(Array(text.utf8).pieces(separatedBy: beginning).count == 1, "a secret in '\(text)'")
        }
    }

    /// After this reply a call can be made again before long.
    func checkBudget(_ error: RESTError?) {
        let clock = ServerClock()
        let start = Uptime.now()
        clock.record(
            serverMilliseconds: error?.serverMilliseconds ?? ReplyEnvelope(self.reply.body)?.time ?? 0,
            sentUptime: start,
            receivedUptime: start + .milliseconds(20),
            replacing: error?.category == .clock
        )
        _ = (clock.nowMilliseconds(), clock.offsetMilliseconds)
        let headers = self.reply.headers
        let reset = headers.resetMilliseconds.flatMap { clock.uptime(atServerMilliseconds: $0) }
        let outcome: RateBudget.Outcome =
            switch error?.code {
            case .banned: .banned
            case .overloaded: .overloaded(headers.retryAfter)
            case .rateLimited: .limited(resetsAt: reset)
            default: .answered(remaining: headers.remaining, resetsAt: reset)
            }
        var budget = RateBudget(requests: 10, per: .seconds(5), banPause: .seconds(600))
        _ = budget.enqueue(1, account: "a", endpoint: "/", priority: .normal)
        expect(budget.grant(now: start).granted == [1], "the first call has to wait")
        budget.finish(1, outcome: outcome, now: start)
        let limit = max(headers.retryAfter ?? .zero, outcome == .banned ? .seconds(600) : EndpointLimits.maxPause)
        _ = budget.enqueue(2, account: "a", endpoint: "/", priority: .normal)
        var grants = budget.grant(now: start + limit)
        if !grants.refused.isEmpty {
            _ = budget.enqueue(2, account: "a", endpoint: "/", priority: .normal)
            grants = budget.grant(now: start + limit)
        }
        expect(grants.granted == [2], "\(outcome) stops calls for more than \(limit)")
    }
}

/// Lists positions from the same pages again and again, as a server without end would send them.
private func sweep(_ pages: [ScriptedReply], _ errors: [RESTError?], category: Category) {
    let start = Uptime.now()
    var sweeper = PositionSweeper(category: category, settleCoins: ["USDT", "USDC", "USDT"], now: start)
    var requests = 0
    while let query = sweeper.nextQuery {
        let page = pages[requests % pages.count]
        let cursor = query.first { $0.name == "cursor" }?.value ?? ""
        let request = RESTRequest.get("/", query: query)
        let isSafe = request.query.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
        expect(isSafe && request.query.utf8.count <= 80 + 3 * cursor.utf8.count, "a query '\(request.query)'")
        if let error = errors[requests % pages.count] {
            sweeper.failed(error, at: start)
        } else {
            sweeper.received(page.reply, sent: start, at: start, serverMilliseconds: 1)
        }
        requests += 1
        expect(requests <= 2 * Paging.maxPages, "\(requests) requests and no end")
    }
    let sweep = sweeper.result
    expect(sweep.isComplete == (sweep.failure == nil && sweep.refused.isEmpty && requests > 0), "completeness")
    for text in sweep.refused { expect(text.utf8.count <= 1_000, "\(text.utf8.count) bytes for the log") }
}
