import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite("TickSizeFile")
struct TickSizeFileTests {
    @Test("what was written is read; what is no such file is refused with its path")
    func file() throws {
        let path = NSTemporaryDirectory() + "tick-sizes-\(UUID().uuidString).json"
        defer { unlink(path) }
        #expect(throws: ReplayError.self) { try TickSizeFile.read(path) }
        let sizes = ["BTCUSDT": "0.10", "X": "0.00000001"].compactMapValues { FixedPoint($0) }
        try TickSizeFile.write(sizes, to: path)
        #expect(try TickSizeFile.read(path) == sizes)
        #expect(
            try String(contentsOfFile: path, encoding: .utf8)
                == #"{"schema_version":1,"tick_sizes":{"BTCUSDT":"0.10","X":"0.00000001"}}"#
        )
        try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: ReplayError.self) { try TickSizeFile.read(path) }
        #expect(error?.description.hasPrefix("\(path) cannot be read as tick sizes") == true)
    }
}
