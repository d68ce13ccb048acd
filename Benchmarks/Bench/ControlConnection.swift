import CBench
import Foundation
import Glibc

/// A kept-alive HTTP connection to the simulated exchange's control port.
final class ControlConnection {
    private let descriptor: CInt
    private var received: [UInt8] = []

    init(port: Int) throws {
        self.descriptor = cbench_connect(CInt(port))
        guard self.descriptor >= 0 else {
            throw ChildProcess.Failure(
                description: "control port \(port): \(String(cString: strerror(-self.descriptor)))"
            )
        }
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    func get(_ target: String) throws -> [UInt8] { try self.request("GET", target, "") }

    /// Objects of the record of truth.
    func record(since index: Int, kinds: String) throws -> [[String: Any]] {
        let lines = try self.get("/record?since=\(index)&kinds=\(kinds)&limit=100000").split(
            separator: UInt8(ascii: "\n")
        )
        return try lines.compactMap { try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
    }

    func nextRecordIndex() throws -> Int {
        let state = try JSONSerialization.jsonObject(with: Data(try self.get("/state"))) as? [String: Any]
        guard let index = state?["next_index"] as? Int else {
            throw ChildProcess.Failure(description: "the exchange's state has no next_index")
        }
        return index
    }

    @discardableResult
    func post(_ target: String, _ body: String) throws -> [UInt8] { try self.request("POST", target, body) }

    private func request(_ method: String, _ target: String, _ body: String) throws -> [UInt8] {
        let text = """
            \(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
            Content-Length: \(body.utf8.count)\r\n\r\n\(body)
            """
        let bytes = Array(text.utf8)
        guard write(self.descriptor, bytes, bytes.count) == bytes.count else {
            throw ChildProcess.Failure(description: "\(target): the exchange takes no more requests")
        }
        let head = try self.readHead(target)
        let lines = head.split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
        guard let length else { throw ChildProcess.Failure(description: "\(target): no length in \(head)") }
        while self.received.count < length { try self.receive(target) }
        let answer = Array(self.received[..<length])
        self.received.removeFirst(length)
        guard lines.first?.contains(" 200") ?? false else {
            throw ChildProcess.Failure(description: "\(target) \(body): \(String(decoding: answer, as: UTF8.self))")
        }
        return answer
    }

    private func readHead(_ target: String) throws -> String {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if self.received.count >= 4 {
                for index in 0...(self.received.count - 4) where Array(self.received[index..<index + 4]) == end {
                    let head = String(decoding: self.received[..<index], as: UTF8.self)
                    self.received.removeFirst(index + 4)
                    return head
                }
            }
            try self.receive(target)
        }
    }

    private func receive(_ target: String) throws {
        var buffer = [UInt8](repeating: 0, count: 262_144)
        let count = read(self.descriptor, &buffer, buffer.count)
        guard count > 0 else { throw ChildProcess.Failure(description: "\(target): no answer") }
        self.received += buffer[..<count]
    }
}
