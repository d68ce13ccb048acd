import Testing

@testable import bybitctl

@Suite("Pages of the start")
struct StartupPagesTests {
    @Test(
        "only code of files is given back",
        arguments: [
            ("7f01000-7f03000 r-xp 00001000 08:01 131 /usr/lib/libc.so.6\n", 0x7f0_1000..<0x7f0_3000),
            ("7f01000-7f03000 r-xp 00001000 08:01 131 /with a space/bybitctl\n", 0x7f0_1000..<0x7f0_3000),
            ("7f01000-7f03000 rw-p 00001000 08:01 131 /usr/lib/libc.so.6\n", nil),
            ("7f01000-7f03000 r--p 00001000 08:01 131 /usr/lib/libc.so.6\n", nil),
            ("7f01000-7f03000 r-xp 00000000 00:00 0 [vdso]\n", nil),
            ("7f01000-7f03000 r-xp 00000000 00:00 0\n", nil),
            ("7f03000-7f01000 r-xp 00001000 08:01 131 /usr/lib/libc.so.6\n", nil),
            ("", nil),
        ] as [(String, Range<Int>?)]
    )
    func lines(_ line: String, _ expected: Range<Int>?) {
        #expect(StartupPages.code(line) == expected.map { UInt($0.lowerBound)..<UInt($0.upperBound) })
    }

    @Test("the program goes on afterwards")
    func goesOn() {
        StartupPages.release()
        #expect("\(Int.random(in: 5...5))" == "5")
    }
}
