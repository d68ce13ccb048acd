@testable import HybridStream
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private func envelope(_ retCode: Int, _ retMsg: String, time: Int64 = 1_700_000_000_123) -> [UInt8] {
    bytes(#"{"retCode":\#(retCode),"retMsg":"\#(retMsg)","result":{},"retExtInfo":{},"time":\#(time)}"#)
}

@Suite struct RESTErrorTests {
    @Test(arguments: ["OK", "success", "SUCCESS", ""])
    func success(retMsg: String) {
        #expect(RESTError.classify(status: 200, headers: .init(), body: envelope(0, retMsg)) == nil)
    }

    @Test func numbersMayComeAsStrings() {
        let success = bytes(#"{"retCode":"0","retMsg":"OK","time":"1"}"#)
        #expect(RESTError.classify(status: 200, headers: .init(), body: success) == nil)
        let failure = bytes(#"{"retCode":"10003","retMsg":"API key is invalid."}"#)
        #expect(RESTError.classify(status: 200, headers: .init(), body: failure)?.code == .invalidKey)
    }

    struct Row: Sendable {
        var retCode: Int
        var code: RESTError.Code
        var category: RESTError.Category
        var retryable = false
        var ambiguous = false
        var permanent = false
    }

    @Test(arguments: [
        Row(retCode: 10000, code: .server, category: .server, retryable: true, ambiguous: true),
        Row(retCode: 10001, code: .parameter, category: .parameter),
        Row(retCode: 10002, code: .clockSkew, category: .clock, retryable: true),
        Row(retCode: 10003, code: .invalidKey, category: .invalidKey, permanent: true),
        Row(retCode: 10004, code: .signature, category: .signature, permanent: true),
        Row(retCode: 10005, code: .permission, category: .permission),
        Row(retCode: 10006, code: .rateLimited, category: .rateLimited, retryable: true, ambiguous: true),
        Row(retCode: 10007, code: .invalidKey, category: .invalidKey, permanent: true),
        Row(retCode: 10008, code: .accountBlocked, category: .permission, permanent: true),
        Row(retCode: 10009, code: .accountBlocked, category: .permission, permanent: true),
        Row(retCode: 10010, code: .ipNotAllowed, category: .ipNotAllowed, permanent: true),
        Row(retCode: 10016, code: .server, category: .server, retryable: true, ambiguous: true),
        Row(retCode: 10017, code: .parameter, category: .parameter),
        Row(retCode: 10018, code: .banned, category: .banned, retryable: true),
        Row(retCode: 10019, code: .server, category: .server, retryable: true, ambiguous: true),
        Row(retCode: 10024, code: .accountBlocked, category: .permission, permanent: true),
        Row(retCode: 10027, code: .accountBlocked, category: .permission, permanent: true),
        Row(retCode: 10028, code: .accountMode, category: .permission, permanent: true),
        Row(retCode: 10029, code: .permission, category: .permission),
        Row(retCode: 10429, code: .overloaded, category: .rateLimited, retryable: true, ambiguous: true),
        Row(retCode: 33004, code: .expired, category: .expired, permanent: true),
        Row(retCode: -2015, code: .expired, category: .expired, permanent: true),
        Row(retCode: 34040, code: .rejected, category: .rejected),
        Row(retCode: 110001, code: .rejected, category: .rejected),
        Row(retCode: 110017, code: .rejected, category: .rejected),
        Row(retCode: 110079, code: .processing, category: .rejected, retryable: true, ambiguous: true),
    ])
    func codesOfTheExchange(row: Row) throws {
        let error = try #require(
            RESTError.classify(status: 200, headers: .init(), body: envelope(row.retCode, "some text"))
        )
        #expect(error.code == row.code)
        #expect(error.category == row.category)
        #expect(error.retryable == row.retryable)
        #expect(error.ambiguous == row.ambiguous)
        #expect(error.isPermanentForAccount == row.permanent)
        #expect(error.retCode == row.retCode)
        #expect(error.retMsg == "some text")
        #expect(error.httpStatus == 200)
        #expect(error.serverMilliseconds == 1_700_000_000_123)
    }

    static let page = "<html>\r\n<head><title>403 Forbidden</title></head><body><h1>blocked</h1></body></html>"

    @Test(
        arguments: [
            (400, "", .parameter), (401, "", .invalidKey), (403, Self.page, .banned), (403, "", .banned),
            (403, #"{"retCode":10006,"retMsg":"access too frequent"}"#, .banned),
            (403, #"{"retCode":10024,"retMsg":"compliance"}"#, .accountBlocked), (404, Self.page, .parameter),
            (301, "", .parameter), (408, "", .server), (418, "", .parameter), (429, "slow down", .overloaded),
            (500, "", .server), (502, Self.page, .server), (503, "{", .server), (504, "{}", .server),
            (500, #"{"retCode":777,"retMsg":"x"}"#, .server), (200, Self.page, .malformed), (200, "", .malformed),
            (200, "{}", .malformed), (200, "[]", .malformed), (200, #"{"retCode":0"#, .malformed),
            (200, #"{"retCode":0} trailing"#, .malformed), (200, #"{"retCode":null}"#, .malformed),
            (200, #"{"retCode":{}}"#, .malformed),
        ] as [(Int, String, RESTError.Code)]
    )
    func statusesAndPages(status: Int, body: String, code: RESTError.Code) throws {
        let error = try #require(RESTError.classify(status: status, headers: .init(), body: bytes(body)))
        #expect(error.code == code)
        #expect(error.httpStatus == status)
    }

    @Test func pagesBecomeOneLine() throws {
        let error = try #require(RESTError.classify(status: 403, headers: .init(), body: bytes(Self.page)))
        #expect(error.description.contains("403 Forbidden"))
        #expect(!error.description.contains("<"))
        #expect(!error.description.contains("\n"))
        let untitled = bytes("<p>Bad\n gateway</p>" + String(repeating: "x", count: 100_000))
        let long = try #require(RESTError.classify(status: 502, headers: .init(), body: untitled))
        #expect(long.message.contains("Bad gateway"))
        #expect(long.message.count < 400)
    }

    @Test func noSecretsInAnyText() throws {
        let credentials = Credentials(apiKey: "AbCdEf123456", apiSecret: "s3cr3tS3cr3t")
        let texts = [
            "error sign! origin_string[1700000000000AbCdEf1234565000symbols=[\\\"X\\\"]&settleCoin=USDT]",
            "Error Sign! ORIGIN_STRING[1700000000000AbCdEf1234565000cut off",
            "key AbCdEf123456 is unknown, AbCdEf123456s3cr3tS3cr3t",
        ]
        for text in texts {
            let error = try #require(
                RESTError.classify(
                    status: 200,
                    headers: .init(),
                    body: envelope(10004, text),
                    removing: credentials
                )
            )
            var dumped = ""
            dump(error, to: &dumped)
            for shown in ["\(error)", String(reflecting: error), dumped, error.retMsg, error.message] {
                for secret in [credentials.apiKey, credentials.apiSecret, "settleCoin", "1700000000000A"] {
                    #expect(!shown.contains(secret), "\(secret) in \(shown)")
                }
            }
        }
        let page = bytes("<title>no AbCdEf123456</title>")
        let refused = try #require(RESTError.classify(status: 403, headers: .init(), body: page, removing: credentials))
        #expect(!"\(refused)".contains("AbCdEf123456"))
    }

    @Test func theBeginningOfASecretIsNotLeftBehindByTheCut() throws {
        let credentials = Credentials(apiKey: "AbCdEf123456", apiSecret: "s3cr3tS3cr3t")
        for secret in [credentials.apiKey, credentials.apiSecret] {
            for padding in Redaction.maxLength - 14...Redaction.maxLength + 1 {
                let page = bytes("<p>" + String(repeating: "x", count: padding) + secret + "</p> and so on")
                let error = try #require(
                    RESTError.classify(status: 502, headers: .init(), body: page, removing: credentials)
                )
                #expect(!error.message.contains(secret.prefix(4)), "\(error.message)")
            }
            let page = bytes(String(repeating: "<br>", count: 1_023) + "xx" + secret)
            let error = try #require(
                RESTError.classify(status: 502, headers: .init(), body: page, removing: credentials)
            )
            #expect(!error.message.contains(secret.prefix(2)), "\(error.message)")
        }
    }

    @Test func textsAreShortLinesThatNoTerminalObeys() throws {
        let tower = "e" + String(repeating: "\u{301}", count: 100_000)
        for text in ["a\u{7F}b\u{9B}31mc\u{202E}d", "a b 31mc d \(tower)"] {
            let replies = [(200, envelope(10001, text)), (502, bytes(text))]
            for (status, body) in replies {
                let error = try #require(RESTError.classify(status: status, headers: .init(), body: body))
                #expect(error.message.contains("a b 31mc d"))
                #expect(error.message.utf8.count < 1_000)
            }
        }
    }

    /// The exchange could repeat a key for megabytes; taking it out must not cost the square of that.
    @Test func longTextsAreCleanedInPassableTime() {
        let credentials = Credentials(apiKey: "k", apiSecret: "s")
        let clock = ContinuousClock()
        let start = clock.now
        #expect(Redaction.clean(String(repeating: "k", count: 300_000), removing: credentials).count == 241)
        #expect(clock.now - start < .seconds(5))
    }

    @Test func theRefusalOfOurTimeNamesTheirs() throws {
        let text =
            "invalid request, please check your server timestamp or recv_window param. "
            + "req_timestamp[1700000009999],server_timestamp[1700000000555],recv_window[5000]"
        let error = try #require(
            RESTError.classify(status: 200, headers: .init(), body: envelope(10002, text, time: 0))
        )
        #expect(error.serverMilliseconds == 1_700_000_000_555)
        let bare = try #require(RESTError.classify(status: 200, headers: .init(), body: envelope(10002, "x", time: 0)))
        #expect(bare.serverMilliseconds == nil)
    }

    @Test func describesWhatWhereWhyAndWhatToDo() throws {
        var error = try #require(RESTError.classify(status: 200, headers: .init(), body: envelope(33004, "expired")))
        error.endpoint = "GET /v5/user/query-api"
        error.account = "sub-001"
        #expect(
            error.description
                == "account sub-001: GET /v5/user/query-api: the API key has expired: expired "
                + "[HTTP 200, retCode 33004]; create a new key"
        )
    }

    @Test func everyCodeIsConsistent() {
        for code in RESTError.Code.all {
            let error = RESTError(code, message: "x")
            #expect(!(error.isPermanentForAccount && error.retryable), "\(code)")
        }
    }

    @Test func headers() {
        let table = [
            "X-Bapi-Limit-Status": "0", "X-Bapi-Limit": "50", "X-Bapi-Limit-Reset-Timestamp": "1700000000999",
            "Retry-After": "7",
        ]
        #expect(
            ReplyHeaders { table[$0] }
                == ReplyHeaders(
                    remaining: 0,
                    limit: 50,
                    resetMilliseconds: 1_700_000_000_999,
                    retryAfter: .seconds(7)
                )
        )
        #expect(ReplyHeaders { _ in "soon" } == ReplyHeaders())
        #expect(ReplyHeaders { _ in nil } == ReplyHeaders())
    }
}
