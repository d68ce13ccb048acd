import Foundation

/// Resident memory of a process over time.
struct MemoryMeter {
    struct Sample {
        let time: Int64
        let kibibytes: Int
    }

    private(set) var samples: [Sample] = []

    mutating func sample(_ pid: Int32) {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let value = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return }
        self.samples.append(Sample(time: WallTime.now(), kibibytes: value))
    }

    /// The middle of what was measured in a time; nil if nothing was.
    func median(from start: Int64, to end: Int64) -> Int? {
        let values = self.samples.filter { $0.time >= start && $0.time <= end }.map(\.kibibytes).sorted()
        return values.isEmpty ? nil : values[values.count / 2]
    }

    /// About `count` samples over the whole time.
    func course(_ count: Int = 12) -> String {
        let stride = max(1, self.samples.count / count)
        return self.samples.enumerated().filter { $0.offset % stride == 0 || $0.offset == self.samples.count - 1 }
            .map { Self.text($0.element.kibibytes) }.joined(separator: " ")
    }

    static func text(_ kibibytes: Int) -> String { "\(Double(kibibytes * 10 / 1024) / 10)" }
}
