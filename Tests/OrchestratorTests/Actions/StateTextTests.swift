import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct StateTextTests {
    /// The names of all that a value has, and of all that these have.
    private static func names(_ value: Any) -> Set<String> {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .struct, !(value is FixedPoint) else {
            return mirror.displayStyle == .optional ? mirror.children.first.map { Self.names($0.value) } ?? [] : []
        }
        return mirror.children.reduce(into: []) { names, child in
            guard let label = child.label else { return }
            names.insert(label)
            names.formUnion(Self.names(child.value).map { "\(label).\($0)" })
        }
    }

    private static func names(inText object: [String: Any]) -> Set<String> {
        object.reduce(into: []) { names, member in
            names.insert(member.key)
            guard let inner = member.value as? [String: Any] else { return }
            names.formUnion(Self.names(inText: inner).map { "\(member.key).\($0)" })
        }
    }

    private static func check<Memory: StoredMemory & Equatable>(_ memory: Memory) throws {
        let text = StateText.encode(memory)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(Self.names(inText: object) == Self.names(memory), "nothing is left out, and nothing is made up")
        #expect(try StateText.decode(text) == memory)
    }

    private static let retry: Retry = {
        var retry = Retry()
        retry.refusals = 3
        retry.notBefore = .max
        return retry
    }()

    @Test func positionManager() throws {
        var memory = PositionManager.Memory()
        try Self.check(memory)
        memory.retry = Self.retry
        try Self.check(memory)
    }

    @Test func trailingStop() throws {
        var memory = TrailingStop.Memory()
        try Self.check(memory)
        memory.state = .triggered
        memory.peak = FixedPoint("99999999999999999999.123456789012345678")
        memory.entry = FixedPoint("-0.10")
        memory.stop = FixedPoint("0")
        memory.amended = .min
        memory.isArmed = true
        memory.amending = Self.retry
        memory.arming.refusals = 4
        memory.closing.refusals = 5
        memory.isAmendingHeld = true
        memory.isArmingHeld = true
        memory.heldRow = TrailingStop.Row(DeskRig.row(5))
        try Self.check(memory)
    }

    @Test(arguments: AgedMonitor.Phase.allCases) func agedMonitor(phase: AgedMonitor.Phase) throws {
        var memory = AgedMonitor.Memory()
        try Self.check(memory)
        memory.phase = phase
        memory.limitRounds = .max
        memory.isGivenUp = true
        memory.retry = Self.retry
        try Self.check(memory)
    }

    /// As the version before has written it: without what is not there, in the order of the names.
    @Test func whatAnOlderVersionHasWrittenIsRead() throws {
        let text = """
            {"amending":{"notBefore":0,"refusals":0},"arming":{"notBefore":0,"refusals":0},"closing":{"notBefore":7,\
            "refusals":2},"isAmendingHeld":false,"isArmed":false,"isArmingHeld":false,"peak":"1030.5","state":"active"}
            """
        var memory = TrailingStop.Memory()
        memory.state = .active
        memory.peak = FixedPoint("1030.5")
        memory.closing.refusals = 2
        memory.closing.notBefore = 7
        #expect(try StateText.decode(text) == memory)
    }
}
