import HybridStream
import Testing

@Suite struct SigningTests {
    static let credentials = Credentials(apiKey: "test_key", apiSecret: "test_secret")

    @Test func webSocketAuthentication() throws {
        #expect(
            try Signing.webSocketAuthentication(expires: 1_662_350_400_000, credentials: Self.credentials)
                == "dad2d67a66c9ee401d2e6e7bf26ebd10eb1026db8a703bf3139c6950ce11a5c6"
        )
    }

    @Test(
        arguments: [
            (
                1_658_384_314_791, "category=linear&settleCoin=USDT",
                "7237cb9b07ffcd45978cdca7891059bc1b544b12aab5ace38518bd0ae7de7a23"
            ),
            (
                1_658_385_579_423, #"{"category":"linear","symbol":"BTCUSDT"}"#,
                "cf98d1dc59977955727ab9ef926e57184af171a89f83e1de7ddf363c6d80bfa9"
            ),
        ] as [(Int64, String, String)]
    )
    func request(timestamp: Int64, payload: String, signature: String) throws {
        #expect(
            try Signing.request(
                timestamp: timestamp,
                receiveWindow: 5000,
                payload: payload,
                credentials: Self.credentials
            )
                == signature
        )
    }

    @Test func keyChangesTheSignature() throws {
        let other = Credentials(apiKey: "test_kez", apiSecret: "test_secret")
        let one = try Signing.request(timestamp: 1, receiveWindow: 5000, payload: "", credentials: Self.credentials)
        let two = try Signing.request(timestamp: 1, receiveWindow: 5000, payload: "", credentials: other)
        #expect(one != two)
    }

    /// Longer than a block of the hash, and empty: both take paths of their own in an HMAC.
    @Test(arguments: ["", String(repeating: "k", count: 200)])
    func unusualSecrets(secret: String) throws {
        let signature = try Signing.request(
            timestamp: 1,
            receiveWindow: 5000,
            payload: "a=b",
            credentials: Credentials(apiKey: "k", apiSecret: secret)
        )
        #expect(signature.count == 64)
        #expect(signature.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    }
}
