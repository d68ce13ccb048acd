/// The grammar of `accounts.yaml`: one description per mapping. Decoding, the JSON Schema and the handbook's tables are
/// all made from these, so that they cannot drift apart.
enum Grammar {
    /// More accounts than one process and one address can keep alive.
    static let maxAccounts = 10_000
}
