extension ControlQuery {
    /// The most actions that one answer holds.
    static let maxActions = 100_000

    static func uri(for request: ActionsRequest) -> String {
        var parameters = request.accounts.map { (name: "account", value: $0) }
        if let since = request.sinceMilliseconds { parameters.append(("since", String(since))) }
        parameters.append(("limit", String(request.limit)))
        return self.uri("/v1/actions", parameters)
    }

    /// `account=…&account=…&since=…&limit=…`.
    static func actions(
        parameters: some Sequence<(key: Substring, value: Substring)>
    ) throws(Malformed) -> ActionsRequest {
        var request = ActionsRequest(limit: self.maxActions)
        for (key, value) in parameters {
            switch key {
            case "account": request.accounts.append(String(value))
            case "since": request.sinceMilliseconds = try self.milliseconds(value)
            case "limit":
                guard let limit = Int(value), (1...self.maxActions).contains(limit) else {
                    throw Malformed(description: "limit=\(value) is not a number from 1 to \(self.maxActions)")
                }
                request.limit = limit
            default: throw Malformed(description: "unknown parameter '\(key)'; known: account, since, limit")
            }
        }
        return request
    }
}
