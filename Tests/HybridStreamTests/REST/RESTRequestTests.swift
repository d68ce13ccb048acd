import Testing

@testable import HybridStream

@Suite struct RESTRequestTests {
    static let account = AccountIdentity(
        name: "sub-001",
        credentials: Credentials(apiKey: "test_key", apiSecret: "test_secret")
    )

    @Test func valuesAreOpaque() {
        let request = RESTRequest.get(
            "/v5/position/list",
            query: [("category", "linear"), ("cursor", "first%3DBIOUSDT%26last%3DBIOUSDT"), ("x", "a b&c=d/ü~_.-")]
        )
        #expect(
            request.target
                == "/v5/position/list?category=linear&cursor=first%253DBIOUSDT%2526last%253DBIOUSDT"
                + "&x=a%20b%26c%3Dd%2F%C3%BC~_.-"
        )
    }

    @Test func readsAreSignedOverTheirQuery() throws {
        let request = RESTRequest.get("/x", query: [("category", "linear"), ("settleCoin", "USDT")])
        let headers = try request.headers(account: Self.account, timestamp: 1_658_384_314_791, receiveWindow: 5000)
        let table = Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) })
        #expect(table["X-BAPI-SIGN"] == "7237cb9b07ffcd45978cdca7891059bc1b544b12aab5ace38518bd0ae7de7a23")
        #expect(table["X-BAPI-API-KEY"] == "test_key")
        #expect(table["X-BAPI-TIMESTAMP"] == "1658384314791")
        #expect(table["X-BAPI-RECV-WINDOW"] == "5000")
        #expect(table["Content-Type"] == nil)
    }

    @Test func writesAreSignedOverTheirBodyByteForByte() throws {
        let request = RESTRequest.post("/x", json: #"{"category":"linear","symbol":"BTCUSDT"}"#)
        let headers = try request.headers(account: Self.account, timestamp: 1_658_385_579_423, receiveWindow: 5000)
        let table = Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) })
        #expect(table["X-BAPI-SIGN"] == "cf98d1dc59977955727ab9ef926e57184af171a89f83e1de7ddf363c6d80bfa9")
        #expect(table["Content-Type"] == "application/json")
    }

    @Test func publicCallsCarryNoAuthentication() throws {
        let headers = try RESTRequest.get("/x").headers(account: nil, timestamp: 1, receiveWindow: 1)
        #expect(!headers.contains { $0.name.hasPrefix("X-BAPI") })
    }

    @Test(arguments: ["", "key\n", "a key", "schlüssel"])
    func keysThatCannotBeHeaders(key: String) throws {
        let account = AccountIdentity(name: "a", credentials: Credentials(apiKey: key, apiSecret: "secret"))
        do {
            _ = try RESTRequest.get("/x").headers(account: account, timestamp: 1, receiveWindow: 1)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .unusableCredentials)
            #expect(key.isEmpty || !"\(error)".contains(key))
        }
    }
}

@Suite struct RetryPolicyTests {
    private func policy(attempts: Int = 3) -> RetryPolicy {
        RetryPolicy(maxAttempts: attempts, backoff: Backoff(initial: .milliseconds(100), max: .seconds(1)), seed: 1)
    }

    @Test(
        arguments: [.server, .timeout, .connectionLost, .connectFailed, .connectTimeout, .malformed] as [RESTError.Code]
    )
    func passingFaultsAreRetriedWithDelayUpToTheLimit(code: RESTError.Code) {
        var policy = policy()
        for bound in [Duration.milliseconds(100), .milliseconds(200)] {
            guard case .retry(let delay) = policy.failed(RESTError(code, message: ""), method: .get) else {
                Issue.record("gave up early")
                return
            }
            #expect(delay >= .zero && delay <= bound)
        }
        #expect(policy.failed(RESTError(code, message: ""), method: .get) == .giveUp)
    }

    @Test(
        arguments: [
            .invalidKey, .signature, .permission, .ipNotAllowed, .expired, .parameter, .rejected, .banned, .queueFull,
            .cancelled, .tooLarge, .accountBlocked,
        ] as [RESTError.Code]
    )
    func otherFaultsAreNot(code: RESTError.Code) {
        var policy = policy()
        #expect(policy.failed(RESTError(code, message: ""), method: .get) == .giveUp)
    }

    @Test(arguments: [.server, .timeout, .connectionLost, .rateLimited, .overloaded] as [RESTError.Code])
    func writesAreNotRepeated(code: RESTError.Code) {
        var policy = policy()
        #expect(policy.failed(RESTError(code, message: ""), method: .post) == .giveUp)
    }

    @Test(arguments: [.get, .post] as [RESTRequest.Method])
    func aRefusedTimeIsCorrectedOnce(method: RESTRequest.Method) {
        var policy = policy()
        #expect(policy.failed(RESTError(.clockSkew, message: ""), method: method) == .retryWithNewTime)
        #expect(policy.failed(RESTError(.clockSkew, message: ""), method: method) == .giveUp)
    }

    @Test func aRateLimitWaitsAtTheGate() {
        var policy = policy()
        #expect(policy.failed(RESTError(.rateLimited, message: ""), method: .get) == .retry(after: .zero))
        #expect(policy.failed(RESTError(.overloaded, message: ""), method: .get) == .retry(after: .zero))
        #expect(policy.failed(RESTError(.rateLimited, message: ""), method: .get) == .giveUp)
    }
}
