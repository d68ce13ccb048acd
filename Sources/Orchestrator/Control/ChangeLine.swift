import Foundation
import NIOCore

/// One line of the answer to `POST /v1/changes`: a JSON object with exactly one of three keys.
enum ChangeLine: Sendable, Equatable, Codable {
    /// An account has come through.
    case progress(ChangeReport.Account)
    /// The last line: all is done, or the time is over.
    case report(ChangeReport)
    /// The last line: the request as a whole has failed.
    case error(ControlRefusal)

    private enum CodingKeys: String, CodingKey {
        case progress, report, error
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let account = try container.decodeIfPresent(ChangeReport.Account.self, forKey: .progress) {
            self = .progress(account)
        } else if let report = try container.decodeIfPresent(ChangeReport.self, forKey: .report) {
            self = .report(report)
        } else {
            self = .error(try container.decode(ControlRefusal.self, forKey: .error))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .progress(let account): try container.encode(account, forKey: .progress)
        case .report(let report): try container.encode(report, forKey: .report)
        case .error(let refusal): try container.encode(refusal, forKey: .error)
        }
    }

    /// The line with its line feed.
    func bytes() throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(bytes: try encoder.encode(self))
        buffer.writeInteger(UInt8(ascii: "\n"))
        return buffer
    }
}
