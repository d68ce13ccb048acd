import Testing

@testable import Orchestrator

@Suite struct NearNamesTests {
    private let names = ["sub-001", "sub-002", "sub-010", "main", "hedge-long", "hedge-short"]

    @Test(arguments: [
        ("sub-01", ["sub-001", "sub-010", "sub-002"]), ("mian", ["main"]),
        ("SUB-002", ["sub-002", "sub-001", "sub-010"]),
        ("hedge", ["hedge-long", "hedge-short"]), ("zzzzzz", []), ("", []),
    ])
    func finds(name: String, expected: [String]) {
        #expect(NearNames.of(name, among: self.names) == expected)
    }

    @Test func isBounded() {
        #expect(NearNames.of("sub-1", among: (0..<2000).map { "sub-\($0)" }).count == 3)
    }

    @Test func aRefusalNamesAllThatAreUnknown() throws {
        let refusal = try #require(
            ControlRefusal.unknownAccounts(asked: ["sub-001", "mian", "zzzzzz"], existing: self.names)
        )
        #expect(refusal.error == "no account is named 'mian'; did you mean main?\nno account is named 'zzzzzz'")
        #expect(refusal.unknown?.map(\.name) == ["mian", "zzzzzz"])
        #expect(ControlRefusal.unknownAccounts(asked: ["main"], existing: self.names) == nil)
    }
}
