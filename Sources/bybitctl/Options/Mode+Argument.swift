public import ArgumentParser
public import Orchestrator

extension Mode: ExpressibleByArgument {
    static var names: String { Mode.allCases.map(\.rawValue).joined(separator: ", ") }
}
