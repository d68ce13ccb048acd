/// An instant on the wall clock: milliseconds since 1970, UTC.
///
/// As text it is RFC 3339 with exactly three decimals and `Z`, the form every JSON answer uses. Written without
/// Foundation's formatters, which cost more than the rest of an answer.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
}

extension Timestamp: CustomStringConvertible {
    /// `2026-01-02T03:04:05.678Z`.
    public var description: String {
        let (year, month, day) = Timestamp.civil(days: self.milliseconds.floorDivided(by: 86_400_000).quotient)
        let inDay = self.milliseconds.floorDivided(by: 86_400_000).remainder
        func padded(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T"
            + padded(inDay / 3_600_000, 2) + ":" + padded(inDay / 60_000 % 60, 2) + ":"
            + padded(inDay / 1000 % 60, 2) + "." + padded(inDay % 1000, 3) + "Z"
    }

    /// Reads RFC 3339 with `Z` or an offset and any number of decimals (digits below the millisecond are cut off).
    /// Nil for anything else, also for a date that does not exist.
    public init?(rfc3339 text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard
            let year = reader.number(digits: 4), reader.take("-"),
            let month = reader.number(digits: 2), reader.take("-"),
            let day = reader.number(digits: 2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(digits: 2), reader.take(":"),
            let minute = reader.number(digits: 2), reader.take(":"),
            let second = reader.number(digits: 2),
            (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        guard let fraction = reader.milliseconds(), let offset = reader.offsetMinutes(), reader.isAtEnd else {
            return nil
        }
        let days = Timestamp.days(year: year, month: month, day: day)
        guard Timestamp.civil(days: days) == (year, month, day) else { return nil }
        let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second
        self.init(milliseconds: seconds * 1000 + fraction)
    }

    /// Days since 1970 → date in the proleptic Gregorian calendar, counting years from March, so that the leap day is
    /// the last of its year.
    static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.floorDivided(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// The inverse of ``civil(days:)``.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = marchYear.floorDivided(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        var isAtEnd: Bool { self.index == self.bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard self.index < self.bytes.count, self.bytes[self.index] == UInt8(ascii: character) else { return false }
            self.index += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard self.index < self.bytes.count else { return nil }
            let value = self.bytes[self.index] &- UInt8(ascii: "0")
            guard value < 10 else { return nil }
            self.index += 1
            return Int64(value)
        }

        mutating func number(digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = self.digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        mutating func milliseconds() -> Int64? {
            guard self.take(".") else { return 0 }
            var value: Int64 = 0
            var count = 0
            while let digit = self.digit() {
                if count < 3 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in min(count, 3)..<3 { value *= 10 }
            return value
        }

        mutating func offsetMinutes() -> Int64? {
            if self.take("Z") || self.take("z") { return 0 }
            let sign: Int64
            if self.take("+") {
                sign = 1
            } else if self.take("-") {
                sign = -1
            } else {
                return nil
            }
            guard let hours = self.number(digits: 2), self.take(":"), let minutes = self.number(digits: 2) else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}

extension Timestamp: Decodable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let timestamp = Timestamp(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(text)' is not an RFC 3339 time"
            )
        }
        self = timestamp
    }
}

extension Int64 {
    /// Division that rounds down, so that days before 1970 come out right.
    fileprivate func floorDivided(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
