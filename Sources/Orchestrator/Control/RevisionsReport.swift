import Foundation
public import NIOCore

/// The answer to `GET /v1/revisions` and `history --output json`: revisions, the newest last.
public struct RevisionsReport: Sendable, Equatable {
    public static let schemaVersion = 1

    public var revisions: [Revision]

    /// - Parameter revisions: in any order.
    public init(_ revisions: [Revision]) {
        self.revisions = revisions.sorted { $0.number < $1.number }
    }

    /// One JSON object on one line, without a line feed.
    public func json() -> ByteBuffer {
        let json = ReportWriter()
        json.raw("{\"schema_version\":").integer(RevisionsReport.schemaVersion)
        json.raw(",\"revisions\":").array(self.revisions) { $0.write(to: $1) }
        json.raw("}")
        return json.buffer
    }

    /// Reads a report; keys of a later version are passed over.
    /// - Throws: if the bytes are not a report this version understands.
    public init(json bytes: ByteBuffer) throws {
        let document = try JSONDecoder().decode(Document.self, from: Data(bytes.readableBytesView))
        guard document.version == RevisionsReport.schemaVersion else {
            throw Unreadable(description: "its schema_version is \(document.version)")
        }
        self.init(document.revisions.map(\.revision))
    }

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    private struct Document: Decodable {
        var version: Int
        var revisions: [Row]

        private enum CodingKeys: String, CodingKey {
            case revisions
            case version = "schema_version"
        }
    }

    /// A revision with its time as people and programs read it.
    private struct Row: Decodable {
        var number: Int
        var time: Timestamp
        var kind: Revision.Kind
        var user: String
        var uid: UInt32?
        var reason: String
        var accounts: [String]
        var diff: [String]
        var file: String?

        var revision: Revision {
            Revision(
                number: self.number,
                time: self.time.milliseconds,
                kind: self.kind,
                caller: Caller(user: self.user, uid: self.uid),
                reason: self.reason,
                accounts: self.accounts,
                diff: self.diff,
                file: self.file
            )
        }
    }
}

extension Revision {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"number\":").integer(self.number)
        json.raw(",\"time\":").string(Timestamp(milliseconds: self.time).description)
        json.raw(",\"kind\":").string(self.kind.rawValue)
        json.raw(",\"user\":").string(self.caller.user)
        json.raw(",\"uid\":").integer(self.caller.uid.map(Int64.init))
        json.raw(",\"reason\":").string(self.reason)
        json.raw(",\"accounts\":").array(self.accounts) { $1.string($0) }
        json.raw(",\"diff\":").array(self.diff) { $1.string($0) }
        json.raw(",\"file\":").string(self.file)
        json.raw("}")
    }
}
