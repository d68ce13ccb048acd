extension ControlQuery {
    /// The most revisions that one answer holds.
    static let maxRevisions = 100_000

    static func uri(for request: RevisionsRequest) -> String {
        var parameters = request.accounts.map { (name: "account", value: $0) }
        if let since = request.sinceMilliseconds { parameters.append(("since", String(since))) }
        parameters.append(("limit", String(request.limit)))
        if let number = request.number { parameters.append(("number", String(number))) }
        return self.uri("/v1/revisions", parameters)
    }

    /// `account=…&account=…&since=…&limit=…&number=…`.
    static func revisions(
        parameters: some Sequence<(key: Substring, value: Substring)>
    ) throws(Malformed) -> RevisionsRequest {
        var request = RevisionsRequest(limit: self.maxRevisions)
        for (key, value) in parameters {
            switch key {
            case "account": request.accounts.append(String(value))
            case "since": request.sinceMilliseconds = try self.milliseconds(value)
            case "limit":
                guard let limit = Int(value), (1...self.maxRevisions).contains(limit) else {
                    throw Malformed(description: "limit=\(value) is not a number from 1 to \(self.maxRevisions)")
                }
                request.limit = limit
            case "number":
                guard let number = Int(value), number >= 1 else {
                    throw Malformed(description: "number=\(value) is not a revision's number: they count from 1")
                }
                request.number = number
            default: throw Malformed(description: "unknown parameter '\(key)'; known: account, since, limit, number")
            }
        }
        return request
    }
}
