import GRDB
import HybridStream

/// Reads text columns that stand for something else, and names the row whose text does not.
struct StoredText {
    let row: Row
    private let name: String

    /// - Parameter name: which row of the account it is, for people.
    init(_ row: Row, _ name: String) {
        self.row = row
        self.name = name
    }

    func value<Value>(_ column: String, _ read: (String) -> Value?) throws -> Value {
        let text: String = self.row[column]
        guard let value = read(text) else {
            let account: String = self.row["account"]
            throw PositionRecord.Malformed(
                description: "account \(account), \(self.name): \(column) is “\(text)”"
            )
        }
        return value
    }
}

extension Opening {
    /// From the columns that `consumer_state` and `action_journal` share.
    init(_ reader: StoredText) throws {
        self.init(
            key: PositionKey(
                category: try reader.value("category") { Category(rawValue: $0) },
                symbol: reader.row["symbol"],
                positionIndex: reader.row["position_idx"]
            ),
            side: try reader.value("side") { Side(rawValue: $0) },
            openTime: reader.row["open_time"],
            firstSeen: reader.row["first_seen"],
            n: reader.row["opening_n"]
        )
    }
}
