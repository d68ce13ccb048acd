import Glibc

/// Ends the run if something that must hold does not; libFuzzer then keeps the input and says where it lies.
func expect(_ condition: Bool, _ text: @autoclosure () -> String, line: UInt = #line) {
    if !condition { fatalError("line \(line): \(text())") }
}

/// The bytes in a block of memory of their own: one byte read beyond either end is found by the address sanitizer.
func withExactCopy<R>(_ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(copy))
}

/// What libFuzzer hands over, as an array; it is empty for no input at all.
func inputBytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

/// A failed check of Swift's is a SIGTRAP on some processors, which libFuzzer does not wait for; SIGABRT it does.
@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    signal(SIGTRAP) { _ in abort() }
    return 0
}

extension Sequence<UInt8> {
    /// For messages.
    var text: String { String(decoding: Array(self), as: UTF8.self) }

    func isEqual(to text: StaticString) -> Bool {
        text.withUTF8Buffer { self.elementsEqual($0) }
    }
}

extension Array<UInt8> {
    /// The pieces between occurrences of a separator, which may be several bytes.
    func pieces(separatedBy separator: String) -> [ArraySlice<UInt8>] {
        let mark = Array(separator.utf8)
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index + mark.count <= self.count {
            if self[index] == mark[0], self[index..<index + mark.count].elementsEqual(mark) {
                pieces.append(self[start..<index])
                index += mark.count
                start = index
            } else {
                index += 1
            }
        }
        pieces.append(self[start...])
        return pieces
    }
}
