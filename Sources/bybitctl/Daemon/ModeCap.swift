import ArgumentParser

/// The highest mode any account may run in.
enum ModeCap: String, ExpressibleByArgument, CaseIterable {
    case rest, canary, parallel, cutover, hybrid

    static var names: String { ModeCap.allCases.map(\.rawValue).joined(separator: ", ") }
}
