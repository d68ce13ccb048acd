import HybridStream
public import NIOCore

extension ActionsReport {
    /// What a report lacks, or what is wrong in it.
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads a report; keys of a later version are passed over. Of an opening only what the report shows is known.
    /// - Throws: if the bytes are not a report this version understands.
    public init(json bytes: ByteBuffer) throws {
        self.init(actions: [])
        try bytes.withUnsafeReadableBytes { bytes in
            guard var reader = JSONReader(bytes) else { throw Unreadable(description: "it is empty") }
            var version: Int64?
            try reader.forEachMember { key, reader in
                switch key {
                case "schema_version": version = try reader.readScalar()?.integer
                case "actions":
                    try reader.forEachElement { reader in
                        self.actions.append(try Fields(&reader).record())
                    }
                default: break
                }
            }
            guard version == Int64(ActionsReport.schemaVersion) else {
                throw Unreadable(description: "its schema_version is \(version.map(String.init) ?? "missing")")
            }
        }
    }

    /// The members of one action.
    private struct Fields {
        private var scalars: [String: String] = [:]
        private var parameters: [PipelineEvent.Action.Parameter] = []

        init(_ reader: inout JSONReader) throws {
            var scalars: [String: String] = [:]
            var parameters: [PipelineEvent.Action.Parameter] = []
            try reader.forEachMember { key, reader in
                if key == "params" {
                    parameters = try ParameterText.read(&reader)
                } else if let value = try reader.readScalar(), !value.isNull {
                    scalars[key.string] = value.string
                }
            }
            self.scalars = scalars
            self.parameters = parameters
        }

        func record() throws -> ActionRecord {
            let created = try self.time("time")
            return ActionRecord(
                account: try self.value("account") { $0 },
                orderLinkID: try self.value("order_link_id") { $0 },
                consumer: try self.value("consumer") { $0 },
                action: try self.value("action") { $0 },
                opening: Opening(
                    key: PositionKey(
                        category: try self.value("category") { Category(rawValue: $0) },
                        symbol: try self.value("symbol") { $0 },
                        positionIndex: try self.value("position_idx") { Int($0) }
                    ),
                    side: try self.value("side") { Side(rawValue: $0) },
                    openTime: 0,
                    firstSeen: 0
                ),
                size: try self.value("size") { FixedPoint($0) },
                parameters: self.parameters,
                isDryRun: try self.value("dry_run") { Bool($0) },
                attempt: try self.value("attempt") { Int($0) },
                outcome: try self.value("outcome") { PipelineEvent.Action.Outcome(rawValue: $0) },
                returnCode: self.scalars["ret_code"] == nil ? nil : try self.value("ret_code") { Int($0) },
                text: try self.value("text") { $0 },
                createdTime: created,
                updatedTime: try self.time("updated_at")
            )
        }

        private func time(_ key: String) throws -> Int64 {
            try self.value(key) { Timestamp(rfc3339: $0)?.milliseconds }
        }

        private func value<Value>(_ key: String, _ read: (String) -> Value?) throws -> Value {
            guard let text = self.scalars[key] else { throw Unreadable(description: "an action has no \(key)") }
            guard let value = read(text) else { throw Unreadable(description: "\(key) of an action is “\(text)”") }
            return value
        }
    }
}
