import CCrypto

/// Why a signature could not be made.
public enum SigningError: Error, Equatable, Sendable {
    /// libcrypto refused to compute an HMAC-SHA256, for example because a policy on this host disables the digest.
    case digestUnavailable
}

extension SigningError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .digestUnavailable:
            "cannot sign requests: libcrypto refused to compute HMAC-SHA256; check the host's OpenSSL configuration"
        }
    }
}

/// Signatures as the exchange wants them: HMAC-SHA256 over a plain text, as lowercase hexadecimal digits.
///
/// Sources: https://bybit-exchange.github.io/docs/v5/guide#authentication,
/// https://bybit-exchange.github.io/docs/v5/ws/connect#authentication
public enum Signing {
    /// The third argument of a private socket's `auth`.
    /// - Parameter expires: milliseconds since 1970 by the exchange's clock, in its future.
    public static func webSocketAuthentication(
        expires: Int64,
        credentials: Credentials
    ) throws(SigningError) -> String {
        try Self.sign("GET/realtime\(expires)", secret: credentials.apiSecret)
    }

    /// The `X-BAPI-SIGN` header.
    /// - Parameters:
    ///   - timestamp: milliseconds since 1970 by the exchange's clock, never in its future.
    ///   - receiveWindow: how many milliseconds after `timestamp` the exchange still accepts the request.
    ///   - payload: the query without `?`, or the body, exactly as it is sent.
    public static func request(
        timestamp: Int64,
        receiveWindow: Int64,
        payload: String,
        credentials: Credentials
    ) throws(SigningError) -> String {
        try Self.sign("\(timestamp)\(credentials.apiKey)\(receiveWindow)\(payload)", secret: credentials.apiSecret)
    }

    /// HMAC-SHA256 of a text, as 64 lowercase hexadecimal digits.
    static func sign(_ text: String, secret: String) throws(SigningError) -> String {
        let key = Array(secret.utf8)
        let message = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &digest, &count) != nil, count == 32
        else { throw .digestUnavailable }
        return Self.hexadecimal(digest.prefix(32))
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0x0F)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
