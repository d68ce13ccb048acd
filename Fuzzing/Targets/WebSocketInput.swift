@testable import HybridStream

// What a server sends: the answer to the upgrade, then frames. The first byte of the input chooses how the rest is cut
// into reads; with its lowest bit set the rest begins with frames.
//
// What must hold: handshake and frames come out the same however the bytes are cut; they are those of a slow reading of
// the whole; and bounds are kept before the payload has come.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebSocketInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = inputBytes(start, count)
    guard let choice = input.first else { return 0 }
    let stream = Array(input.dropFirst())
    let isUpgraded = choice & 1 == 1
    let expected = isUpgraded ? FrameReading(stream[...]).summary : AnswerReading(stream).summary
    var cuts: [[Int]] = [[stream.count], Cuts.random(of: stream.count, seed: UInt64(choice))]
    // One byte at a time costs the square of the length.
    if stream.count <= 512 { cuts.append(Array(1..<max(stream.count + 1, 2))) }
    for cut in cuts {
        var connection = Connection(isUpgraded: isUpgraded)
        for end in cut where end <= stream.count { connection.show(stream[..<end]) }
        let summary = connection.finish()
        expect(summary == expected, "cut at \(cut): \(summary), not \(expected)")
    }
    return 0
}

private enum Cuts {
    static func random(of count: Int, seed: UInt64) -> [Int] {
        var random = SplitMix64(seed: seed)
        var cuts: [Int] = []
        var at = 0
        while at < count {
            at += Int.random(in: 1...(Bool.random(using: &random) ? 8 : 1_500), using: &random)
            cuts.append(min(at, count))
        }
        return cuts
    }
}

/// A connection that gets its bytes in pieces, as ``WebSocket`` does: what a frame did not use is shown again.
private struct Connection {
    private static let handshake = WebSocketHandshake(host: "h", target: "/", nonce: Array("the sample nonce".utf8))
    private static let parser = WebSocketFrameParser(maxPayload: FrameReading.maxPayload)

    private var summary: [String] = []
    private var isUpgraded: Bool
    private var isOver = false
    private var used = 0
    private var shown: ArraySlice<UInt8> = []

    init(isUpgraded: Bool) {
        self.isUpgraded = isUpgraded
    }

    /// - Parameter stream: everything received so far.
    mutating func show(_ stream: ArraySlice<UInt8>) {
        if self.isOver { return }
        self.shown = stream
        withExactCopy(stream[self.used...]) { self.read($0, ended: false) }
    }

    mutating func finish() -> [String] {
        if !self.isUpgraded, !self.isOver {
            withExactCopy(self.shown) { self.read($0, ended: true) }
            expect(self.isOver, "an answer that is incomplete although the server has closed")
        }
        return self.isOver ? self.summary : self.summary + ["\(self.shown.count - self.used) left"]
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer, ended: Bool) {
        var at = 0
        if !self.isUpgraded {
            switch Self.handshake.read(bytes, ended: ended) {
            case .incomplete: return
            case .upgraded(let headEnd):
                expect(headEnd <= min(bytes.count, WebSocketHandshake.maxHead), "a head of \(headEnd) bytes")
                self.isUpgraded = true
                self.summary.append("upgraded")
                at = headEnd
            case .refused(let status, let reason, let body):
                // How much of the body has come depends on the reads.
                self.end("refused \(status)", [reason, body])
                return
            case .invalid(let text):
                self.end("invalid", [text])
                return
            }
        }
        do throws(WebSocketFrameParser.Violation) {
            while let frame = try Self.parser.next(in: bytes, from: at) {
                expect(frame.payloadStart > at && frame.end <= bytes.count, "a frame beyond what was shown")
                expect(frame.payloadCount <= FrameReading.maxPayload, "a payload of \(frame.payloadCount) bytes")
                let payload = bytes[frame.payloadStart..<frame.end]
                self.summary.append(FrameReading.line(frame.opcode.rawValue, frame.isFinal, Array(payload)))
                at = frame.end
            }
            self.used += at
        } catch {
            self.isOver = true
            self.summary.append("\(error)")
        }
    }

    private mutating func end(_ text: String, _ words: [String]) {
        self.isOver = true
        self.summary.append(text)
        for word in words {
            expect(word.utf8.count <= 1_000, "\(word.utf8.count) bytes for the operator")
            expect(!word.unicodeScalars.contains { $0.properties.generalCategory == .control }, "control characters")
        }
    }
}
