import Testing

@testable import HybridStream

@Suite("Uptime and RecentTimes")
struct UptimeTests {
    @Test("adding saturates")
    func saturation() {
        #expect(Uptime.distantFuture + .seconds(1) == .distantFuture)
        #expect(Uptime.seconds(1) + .seconds(Int64.max) == .distantFuture)
        #expect(Uptime.seconds(5) - .distantPast > .seconds(1_000_000_000))
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.milliseconds(1500).milliseconds == 1500)
    }

    @Test("counts the last hour to the minute")
    func recentTimes() {
        var times = RecentTimes()
        for second in 0..<100 { times.add(.seconds(Double(second * 60))) }
        #expect(times.count(now: .seconds(99 * 60)) == 60)
        #expect(times.count(now: .seconds(100_000)) == 0)
        for _ in 0..<5000 { times.add(.seconds(100_000)) }
        #expect(times.count(now: .seconds(100_000)) == 5000)
    }

    @Test("credentials print as nothing")
    func credentials() {
        let credentials = Credentials(apiKey: "KEY-1", apiSecret: "SECRET-2")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped] {
            #expect(!text.contains("KEY-1") && !text.contains("SECRET-2"), "\(text)")
        }
    }
}
