import Testing

extension EndToEnd {
    /// Hours of faults, against the exchange's own record: `make soak MINUTES=60`.
    @Suite(.enabled(if: SoakSettings.isAskedFor)) struct Soak {}
}

extension EndToEnd.Soak {
    @Test func nothingIsLostWhateverHappens() async throws {
        let settings = try SoakSettings.fromEnvironment()
        try await Workplace.with { place in
            let problems = try await SoakRun.start(settings, in: place).run()
            #expect(problems.isEmpty, "\(problems.count) problems, see the report above")
        }
    }
}

extension EndToEnd {
    /// The exchange goes away for two minutes under a thousand accounts: `make outage`.
    @Suite(.enabled(if: OutageRun.Settings.isAskedFor)) struct BigOutage {}
}

extension EndToEnd.BigOutage {
    @Test func everybodyComesBackWithinTheBudgetAndInOrder() async throws {
        let settings = try OutageRun.Settings.fromEnvironment()
        try await Workplace.with { place in
            let problems = try await OutageRun.start(settings, in: place).run()
            #expect(problems.isEmpty, "\(problems.count) problems, see the report above")
        }
    }
}
