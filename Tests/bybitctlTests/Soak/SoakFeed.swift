import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Brings the audit what is new: lines of all accounts' files, and the exchange's record.
final class SoakFeed {
    private let audit: SoakAudit
    private let files: [(account: AccountAudit, tail: LineTail)]
    private let record: URL
    private let session = URLSession(configuration: .ephemeral)
    private var nextIndex = 0
    /// Every n-th lifecycle event is kept from the audit, to see whether it notices; 0 for none.
    private let hides: Int
    private var lifecycleLines = 0

    private static let kinds = "position,mark,connected,disconnected,authenticated,subscribed,fault"

    init(_ exchange: Exchange, _ daemon: Daemon, _ audit: SoakAudit, hides: Int = 0) throws {
        self.audit = audit
        self.hides = hides
        self.files = audit.accounts.keys.sorted().compactMap { name in
            audit.accounts[name].map { ($0, LineTail(daemon.eventFile(name))) }
        }
        self.record = try #require(URL(string: exchange.ready.control + "/record"))
    }

    var bytes: Int { self.files.reduce(0) { $0 + $1.tail.bytes } }

    /// The files first: whatever they say happened before, so it is in the record that is read after.
    func poll() async throws {
        for file in self.files { file.tail.fill() }
        try await self.readRecord()
        for file in self.files {
            file.tail.takeLines { line in
                if self.hides > 0, strstr(line, "\"cause\":\"mark\"") == nil, strstr(line, "\"cause\":\"") != nil {
                    self.lifecycleLines += 1
                    if self.lifecycleLines % self.hides == 0 { return }
                }
                self.audit.judge(line, of: file.account)
            }
        }
    }

    private func readRecord() async throws {
        let limit = 50_000
        while true {
            var parts = URLComponents(url: self.record, resolvingAgainstBaseURL: false)
            parts?.query = "since=\(self.nextIndex)&limit=\(limit)&kinds=\(Self.kinds)"
            let url = try #require(parts?.url)
            let (data, _) = try await self.session.data(for: URLRequest(url: url, timeoutInterval: 30))
            let lines = self.apply(data)
            if lines < limit { return }
        }
    }

    private func apply(_ data: Data) -> Int {
        var bytes = [UInt8](data)
        bytes.append(0)
        var lines = 0
        bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            while let end = memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start) {
                end.storeBytes(of: 0, as: UInt8.self)
                lines += 1
                if let fact = SoakFact.read(UnsafePointer((base + start).assumingMemoryBound(to: CChar.self))) {
                    self.nextIndex = max(self.nextIndex, fact.index + 1)
                    self.audit.apply(fact)
                }
                start = end - base + 1
            }
        }
        return lines
    }
}
