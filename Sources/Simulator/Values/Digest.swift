import CCrypto

/// HMAC-SHA256, SHA-1 and base64, for signatures and the WebSocket handshake.
enum Digest {
    /// Lower-case hexadecimal HMAC-SHA256 of `message` under `secret`.
    static func hmacSHA256(_ message: [UInt8], secret: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        _ = HMAC(EVP_sha256(), secret, Int32(secret.count), message, message.count, &digest, &length)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in digest {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The `Sec-WebSocket-Accept` value for a client's key (RFC 6455, 4.2.2).
    static func webSocketAccept(_ key: String) -> String {
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        _ = SHA1(input, input.count, &digest)
        return self.base64(digest)
    }

    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            let group = Int(bytes[index]) << 16 | Int(second) << 8 | Int(third)
            text.append(alphabet[group >> 18 & 63])
            text.append(alphabet[group >> 12 & 63])
            text.append(left > 1 ? alphabet[group >> 6 & 63] : UInt8(ascii: "="))
            text.append(left > 2 ? alphabet[group & 63] : UInt8(ascii: "="))
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Keys derived from seed and name: the same in every run, and they look like real ones.
enum Credentials {
    static func derive(seed: UInt64, account: String) -> (apiKey: String, apiSecret: String) {
        var random = SeededRandom(seed: seed, purpose: "credentials of \(account)")
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let key = random.word(alphabet, 18)
        return (key, random.word(alphabet, 36))
    }
}
