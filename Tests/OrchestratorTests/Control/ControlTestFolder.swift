import Foundation

/// A folder that is gone when the test is over. Its path is short, so that sockets fit in it.
final class ControlTestFolder: Sendable {
    let path: String

    init() throws {
        let name = "/tmp/bctl-" + String(UInt32.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: false)
        self.path = name
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.path)
        } catch {
            print("left behind: \(self.path): \(error)")
        }
    }
}
