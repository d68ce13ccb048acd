import ArgumentParser
import Orchestrator

/// A point in the past: an age (`10m`), an RFC 3339 time, or milliseconds since 1970.
enum Since: ExpressibleByArgument, Equatable {
    case age(milliseconds: Int64)
    case instant(milliseconds: Int64)

    init?(argument: String) {
        if let duration = DurationText(argument: argument) {
            self = .age(milliseconds: duration.milliseconds)
        } else if let time = Timestamp(rfc3339: argument) {
            self = .instant(milliseconds: time.milliseconds)
        } else if let milliseconds = Int64(argument), milliseconds >= 0 {
            self = .instant(milliseconds: milliseconds)
        } else {
            return nil
        }
    }

    func milliseconds(now: Int64) -> Int64 {
        switch self {
        case .age(let milliseconds): now - milliseconds
        case .instant(let milliseconds): milliseconds
        }
    }
}
