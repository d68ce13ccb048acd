/// What the exchange says about an API key.
///
/// Source: https://bybit-exchange.github.io/docs/v5/user/apikey-info
public struct KeyInformation: Sendable, Equatable {
    /// The key cannot trade.
    public var isReadOnly: Bool
    /// Like `["ContractTrade": ["Order", "Position"]]`; kinds without any permission are left out.
    public var permissions: [String: [String]]
    /// The addresses that the key is bound to; empty or `*` if to none.
    public var ipAddresses: [String]
    /// Days until the key expires; nil if it does not.
    public var deadlineDay: Int?
    /// When the key expires, as ISO 8601 text of the exchange; empty if it does not.
    public var expiredAt: String
    /// The user's number. Limits are counted by it.
    public var userID: Int64
    public var isMaster: Bool
    /// The master account of a sub-account; 0 for a master account.
    public var parentUserID: Int64
    /// The account is a unified trading account.
    public var isUnified: Bool

    /// Whether the key may place orders for and see positions of contracts.
    public var canTradeContracts: Bool {
        !self.isReadOnly && self.permissions["ContractTrade", default: []].contains("Order")
    }

    public init(
        isReadOnly: Bool = false,
        permissions: [String: [String]] = [:],
        ipAddresses: [String] = [],
        deadlineDay: Int? = nil,
        expiredAt: String = "",
        userID: Int64 = 0,
        isMaster: Bool = false,
        parentUserID: Int64 = 0,
        isUnified: Bool = false
    ) {
        self.isReadOnly = isReadOnly
        self.permissions = permissions
        self.ipAddresses = ipAddresses
        self.deadlineDay = deadlineDay
        self.expiredAt = expiredAt
        self.userID = userID
        self.isMaster = isMaster
        self.parentUserID = parentUserID
        self.isUnified = isUnified
    }

    /// Reads the `result`. The key and the secret in it are passed over.
    static func read(from reader: inout JSONReader) throws -> KeyInformation {
        var information = KeyInformation()
        try reader.forEachMember { key, reader in
            switch key {
            case "readOnly": information.isReadOnly = try reader.readScalar()?.isOn ?? false
            case "permissions":
                try reader.forEachMember { kind, reader in
                    let kind = kind.string
                    let list = try Self.strings(&reader)
                    if !list.isEmpty { information.permissions[kind] = list }
                }
            case "ips": information.ipAddresses = try Self.strings(&reader)
            case "deadlineDay":
                information.deadlineDay = try reader.readScalar()?.integer.flatMap { Int(exactly: $0) }
            case "expiredAt": information.expiredAt = try reader.readScalar()?.string ?? ""
            case "userID": information.userID = try reader.readScalar()?.integer ?? 0
            case "isMaster": information.isMaster = try reader.readScalar()?.isOn ?? false
            case "parentUid": information.parentUserID = try reader.readScalar()?.integer ?? 0
            case "uta": information.isUnified = try reader.readScalar()?.isOn ?? false
            default: break
            }
        }
        return information
    }

    private static func strings(_ reader: inout JSONReader) throws -> [String] {
        // Some lists come as an empty string where they are not used.
        var probe = reader
        if let scalar = try probe.readScalar() {
            reader = probe
            return scalar.isNull || scalar.bytes.isEmpty ? [] : [scalar.string]
        }
        var list: [String] = []
        try reader.forEachElement { reader in
            if let text = try reader.readScalar()?.string { list.append(text) }
        }
        return list
    }
}

extension JSONSlice {
    /// A truth value, written as a number or as a word.
    fileprivate var isOn: Bool { self.isTrue || self.integer == 1 }
}
