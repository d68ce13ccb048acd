/// How careful messages must be with the text of a node. Decided while the tree is built, from the keys above it, so
/// that even a file full of mistakes does not leak: `api_secrt: …` is an unknown key, and still a secret.
enum Secrecy {
    case open
    /// Directly under `credentials:`. Values are secrets unless their key says that they only name a place.
    case value
    case secret

    /// Of the value of `key`. The cache spares the close look at keys that thousands of accounts repeat.
    func under(_ key: String, cache: inout [String: Secrecy]) -> Secrecy {
        if self == .secret { return .secret }
        if self == .value { return Secrecy.namesAPlace(key) ? .open : .secret }
        if let known = cache[key] { return known }
        let result: Secrecy = key == "credentials" ? .value : Secrecy.isSecretKey(key) ? .secret : .open
        if cache.count < 1_024 { cache[key] = result }
        return result
    }

    /// Whether a key is not to be shown. Where credentials stand, whatever does not look like a key may be a value whose
    /// colon is missing.
    func hides(key: String) -> Bool {
        switch self {
        case .open:
            false
        case .secret:
            true
        case .value:
            key.utf8.count > 32
                || !key.utf8.allSatisfy { byte in
                    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                }
        }
    }

    /// `api_secret_file` and the like hold a path or a name, which helps in a message and gives nothing away.
    private static func namesAPlace(_ key: String) -> Bool {
        key.hasSuffix("_file") || key.hasSuffix("_credential")
    }

    /// Whether a key, or what somebody mistyped for one, promises a secret.
    static func isSecretKey(_ key: String) -> Bool {
        // A "key" this long is no key; whatever it is, it is not repeated.
        guard key.utf8.count <= 64 else { return true }
        let word = key.lowercased().filter { $0 != "_" && $0 != "-" }
        if word.hasSuffix("file") || word.hasSuffix("credential") { return false }
        if word == "key" { return true }
        for part in ["secret", "apikey", "passw", "passphrase", "token", "privatekey"] where word.contains(part) {
            return true
        }
        return Suggestion.distance(word, "apisecret", limit: 2) != nil
            || Suggestion.distance(word, "apikey", limit: 2) != nil
            || Suggestion.distance(word, "secret", limit: 1) != nil
    }
}
