/// The name of an account as events carry it. One object per running account, shared by all its lines.
final class AccountLabel: Sendable {
    let name: String
    /// How a `position.update` of this account begins, up to the value of `n`.
    let positionPrefix: [UInt8]

    init(_ name: String) {
        self.name = name
        self.positionPrefix = AccountLabel.prefix(event: "position.update", account: name)
    }

    /// `{"v":1,"event":…,"account":…,"n":`
    static func prefix(event: String, account: String) -> [UInt8] {
        let bound = 64 + RawWriter.maxLength(of: event) + RawWriter.maxLength(of: account)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            guard let base = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            var writer = RawWriter(base)
            writer.text("{\"v\":1,\"event\":\"")
            writer.string(event)
            writer.text("\",\"account\":\"")
            writer.string(account)
            writer.text("\",\"n\":")
            count = writer.position - base
        }
    }
}
