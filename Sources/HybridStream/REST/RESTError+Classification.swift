extension RESTError {
    /// Judges a reply.
    ///
    /// Business errors come as HTTP 200 with a `retCode`. A 403 is a ban of the address (or a place that is not served)
    /// unless its body names a fault of the account; 403 and 5xx often carry HTML.
    ///
    /// Source: https://bybit-exchange.github.io/docs/v5/error
    /// - Parameter credentials: removed from all texts.
    /// - Returns: nil for a success.
    public static func classify(
        status: Int,
        headers: ReplyHeaders,
        body: [UInt8],
        removing credentials: Credentials? = nil
    ) -> RESTError? {
        Self.classify(
            status: status,
            headers: headers,
            body: body,
            envelope: ReplyEnvelope(body),
            removing: credentials
        )
    }

    /// The same for a body whose frame has been read already; nil if it has none.
    static func classify(
        status: Int,
        headers: ReplyHeaders,
        body: [UInt8],
        envelope: ReplyEnvelope?,
        removing credentials: Credentials?
    ) -> RESTError? {
        if (200..<300).contains(status), envelope?.retCode == 0 { return nil }
        let (code, message) = Self.judge(status: status, envelope: envelope)
        let retMsg = Redaction.clean(envelope?.retMsg ?? "", removing: credentials)
        let said = envelope == nil ? Redaction.excerpt(ofPage: body, removing: credentials) : retMsg
        return RESTError(
            code,
            message: said.isEmpty ? message : "\(message): \(said)",
            retCode: envelope?.retCode,
            retMsg: retMsg,
            httpStatus: status,
            serverMilliseconds: Self.serverTime(envelope),
            retryAfter: headers.retryAfter
        )
    }

    /// What a code of the exchange means in an ordinary reply.
    static func saying(_ retCode: Int, _ retMsg: String) -> RESTError {
        let (code, message) = Self.meanings[retCode] ?? (.rejected, "declined by the exchange")
        return RESTError(code, message: message, retCode: retCode, retMsg: retMsg, httpStatus: 200)
    }

    private static func judge(status: Int, envelope: ReplyEnvelope?) -> (Code, String) {
        if let retCode = envelope?.retCode, retCode != 0 {
            let known = Self.meanings[retCode]
            if status == 403, known?.0.traits.permanent != true { return (.banned, Self.banText) }
            if let known { return known }
            if (200..<300).contains(status) { return (.rejected, "declined by the exchange") }
        }
        switch status {
        case 200..<300: return (.malformed, "a reply that is not the exchange's JSON")
        case 300..<400: return (.parameter, "redirected elsewhere, which a signed request must not follow")
        case 401: return (.invalidKey, "the exchange does not accept the authentication")
        case 403: return (.banned, Self.banText)
        case 404: return (.parameter, "no such endpoint, or not for this kind of account")
        case 408: return (.server, "the exchange gave up waiting for the request")
        case 429: return (.overloaded, "the exchange is protecting itself from load")
        case 500...: return (.server, "a fault of the exchange")
        default: return (.parameter, "the exchange cannot use the request")
        }
    }

    private static let banText = "the exchange refuses requests from this address"

    private static let meanings: [Int: (Code, String)] = [
        10000: (.server, "the exchange timed out inside"),
        10001: (.parameter, "a parameter is wrong"),
        10002: (.clockSkew, "the request's time is outside the exchange's window"),
        10003: (.invalidKey, "the API key is invalid"),
        10004: (.signature, "the signature is wrong"),
        10005: (.permission, "the API key lacks a permission"),
        10006: (.rateLimited, "too many requests of this account to this endpoint"),
        10007: (.invalidKey, "the user could not be authenticated"),
        10008: (.accountBlocked, "the user is banned"),
        10009: (.accountBlocked, "the address or user is banned"),
        10010: (.ipNotAllowed, "this host's address is not on the key's list"),
        10016: (.server, "a fault inside the exchange"),
        10017: (.parameter, "no such route"),
        10018: (.banned, Self.banText),
        10019: (.server, "the exchange's service is restarting"),
        10024: (.accountBlocked, "compliance rules bar this account"),
        10027: (.accountBlocked, "trading is banned for this account"),
        10028: (.accountMode, "only unified trading accounts may call this"),
        10029: (.permission, "the symbol is not on the key's list"),
        10403: (.banned, Self.banText),
        10429: (.overloaded, "the exchange is protecting itself from load"),
        33004: (.expired, "the API key has expired"),
        -2015: (.expired, "the API key is invalid or has expired"),
        110079: (.processing, "the order is being processed"),
    ]

    /// A refusal of our time names the server's own in its text too: `server_timestamp[1700000000000]`.
    private static func serverTime(_ envelope: ReplyEnvelope?) -> Int64? {
        guard let envelope else { return nil }
        if envelope.retCode == 10002, let named = Self.bracketed(after: "server_timestamp", in: envelope.retMsg) {
            return named
        }
        return envelope.time > 0 ? envelope.time : nil
    }

    private static func bracketed(after word: String, in text: String) -> Int64? {
        for part in text.split(separator: "]") {
            guard let bracket = part.lastIndex(of: "["), part[..<bracket].hasSuffix(word) else { continue }
            return Int64(part[part.index(after: bracket)...])
        }
        return nil
    }
}
