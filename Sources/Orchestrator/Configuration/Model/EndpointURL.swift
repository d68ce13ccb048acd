/// A URL of the exchange: scheme, host, port and path, nothing else.
public struct EndpointURL: Sendable, Equatable {
    public enum Scheme: String, Sendable {
        case ws, wss, http, https

        public var isEncrypted: Bool { self == .wss || self == .https }
        public var defaultPort: Int { self.isEncrypted ? 443 : 80 }
    }

    public let scheme: Scheme
    /// Without brackets if it is an IPv6 address.
    public let host: String
    public let port: Int
    /// Path and query; empty or beginning with `/`.
    public let path: String

    public init(scheme: Scheme, host: String, port: Int, path: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
    }

    /// Nil for anything but a `ws`, `wss`, `http` or `https` URL, encrypted unless it leads to this host itself.
    public init?(_ text: String) {
        guard case .success(let url) = EndpointURL.parse(text, allowed: [.ws, .wss, .http, .https]) else { return nil }
        self = url
    }

    /// Why a text is no endpoint.
    struct Problem: Error, Equatable {
        var message: String
        var expected: String?
        var help: String?
    }

    /// Parses a URL. Only `allowed` schemes, and unencrypted ones only to this host itself.
    static func parse(_ text: String, allowed: [Scheme]) -> Result<EndpointURL, Problem> {
        let expected = "a URL beginning with " + MessageText.alternatives(allowed.map { $0.rawValue + "://" })
        guard let separator = text.utf8.firstRange(of: "://".utf8),
            let scheme = Scheme(rawValue: String(text[..<separator.lowerBound]).lowercased()), allowed.contains(scheme)
        else { return .failure(Problem(message: "is not a URL of this kind", expected: expected)) }
        let rest = text[separator.upperBound...]
        let pathStart = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = rest[..<pathStart]
        var path = String(rest[pathStart...])
        if path.hasPrefix("?") { path = "/" + path }
        guard !authority.utf8.contains(UInt8(ascii: "@")) else {
            return .failure(Problem(message: "holds a user name", help: "keys belong under credentials:"))
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            return .failure(Problem(message: "holds a character that a URL cannot hold"))
        }
        guard let address = HostAndPort.parse(authority, defaultPort: scheme.defaultPort), address.port > 0 else {
            return .failure(Problem(message: "has no valid host and port", expected: "host, host:port or [IPv6]:port"))
        }
        if !scheme.isEncrypted, !HostAndPort.isLoopback(address.host) {
            let secure = scheme == .ws ? "wss://" : "https://"
            return .failure(
                Problem(
                    message: "is not encrypted",
                    expected: "\(secure); \(scheme.rawValue):// is accepted for loopback addresses only"
                )
            )
        }
        return .success(EndpointURL(scheme: scheme, host: address.host, port: address.port, path: path))
    }
}

extension EndpointURL: CustomStringConvertible {
    /// The URL, with the port only where it is not the scheme's own.
    public var description: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        let port = self.port == self.scheme.defaultPort ? "" : ":\(self.port)"
        return "\(self.scheme.rawValue)://\(host)\(port)\(self.path)"
    }
}

/// `host`, `host:port`, `[::1]:port`.
enum HostAndPort {
    static func parse(_ text: Substring, defaultPort: Int?) -> (host: String, port: Int)? {
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let close = text.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = text[text.utf8.index(after: text.startIndex)..<close]
            rest = text[text.utf8.index(after: close)...]
            guard host.utf8.contains(UInt8(ascii: ":")), host.utf8.allSatisfy(HostAndPort.isAddressByte) else {
                return nil
            }
        } else {
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
            guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy(HostAndPort.isHostByte) else {
                return nil
            }
        }
        if rest.isEmpty { return defaultPort.map { (String(host), $0) } }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), !rest.dropFirst().hasPrefix("+") else {
            return nil
        }
        return (String(host), Int(port))
    }

    /// 127.0.0.0/8, ::1 and localhost.
    static func isLoopback(_ host: String) -> Bool {
        if host == "::1" || host.lowercased() == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil && !$0.hasPrefix("+") }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        ScalarText.isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        ScalarText.isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6 || byte == UInt8(ascii: ":")
            || byte == UInt8(ascii: ".")
    }
}
