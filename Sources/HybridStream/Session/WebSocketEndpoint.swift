/// Where a WebSocket is opened: the parts of a `ws://` or `wss://` URL.
public struct WebSocketEndpoint: Sendable, Equatable {
    public let isSecure: Bool
    /// Without the brackets of an IPv6 literal.
    public let host: String
    public let port: Int
    /// Path and query; at least `/`.
    public let target: String

    /// Nil for anything but `ws[s]://host[:port][/path][?query]`.
    public init?(_ url: String) {
        var rest: Substring
        if url.hasPrefix("wss://") {
            self.isSecure = true
            rest = url.dropFirst(6)
        } else if url.hasPrefix("ws://") {
            self.isSecure = false
            rest = url.dropFirst(5)
        } else {
            return nil
        }
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        rest = rest[authorityEnd...]
        self.target = rest.isEmpty ? "/" : (rest.hasPrefix("?") ? "/" + rest : String(rest))
        var portText: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            self.host = String(authority[authority.index(after: authority.startIndex)..<close])
            let tail = authority[authority.index(after: close)...]
            if tail.hasPrefix(":") { portText = tail.dropFirst() } else if !tail.isEmpty { return nil }
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let first = parts.first else { return nil }
            self.host = String(first)
            if parts.count == 2 { portText = parts[1] }
        }
        if let portText {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(portText),
                (1...65535).contains(port)
            else { return nil }
            self.port = port
        } else {
            self.port = self.isSecure ? 443 : 80
        }
        // Both go into the request's head as they are.
        func isOdd(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "#") }
        if self.host.isEmpty || self.host.contains("@") || self.host.utf8.contains(where: isOdd)
            || self.target.utf8.contains(where: isOdd)
        {
            return nil
        }
    }

    /// The value of the `Host` header.
    public var hostHeader: String {
        let name = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? name : "\(name):\(self.port)"
    }
}
