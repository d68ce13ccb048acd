import Testing

@testable import Orchestrator

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
    func writesAndReadsBack(milliseconds: Int64, text: String) {
        let timestamp = Timestamp(milliseconds: milliseconds)
        #expect(timestamp.description == text)
        #expect(Timestamp(rfc3339: text) == timestamp)
    }

    @Test(arguments: [
        ("2026-01-02T03:04:05Z", 1_767_323_045_000), ("2026-01-02T04:04:05+01:00", 1_767_323_045_000),
        ("2026-01-01T21:34:05.6789-05:30", 1_767_323_045_678), ("2026-01-02 03:04:05.6z", 1_767_323_045_600),
    ])
    func readsWhatPeopleWrite(text: String, milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "10m",
    ])
    func refusesTheRest(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func everyDayOfFourCenturiesComesBack() {
        var previous = Timestamp.civil(days: -1)
        for day in Int64(0)..<146_097 {
            let date = Timestamp.civil(days: day)
            #expect(Timestamp.days(year: date.year, month: date.month, day: date.day) == day)
            #expect(date > previous)
            previous = date
        }
    }
}
