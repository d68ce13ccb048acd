import Foundation
import Testing

@testable import HybridStream

@Suite("JSONReader")
struct JSONReaderTests {
    /// The document's members as text, to the depth of one.
    static func members(_ text: String) throws -> [String: String?] {
        try withBytes(text) { bytes in
            var found: [String: String?] = [:]
            guard var reader = JSONReader(bytes) else { throw JSONReader.Failure.unexpectedEnd }
            try reader.forEachMember { key, value in
                found.updateValue(try value.readScalar()?.string, forKey: key.string)
            }
            try reader.expectEnd()
            return found
        }
    }

    @Test("reads scalars of any kind alike")
    func scalars() throws {
        let text = #" {"a":"x","b" : 1.50 ,"c":null,"d":true,"e":{"f":[1,{"g":"}"}]},"h":-2,"":""} "#
        let expected: [String: String?] = [
            "a": "x", "b": "1.50", "c": "", "d": "true", "e": String?.none, "h": "-2", "": "",
        ]
        #expect(try Self.members(text) == expected)
        #expect(try Self.members("{}") == [:])
        #expect(try Self.members("null") == [:])
    }

    @Test(
        "resolves escapes as Foundation does",
        arguments: [
            #"a\"b"#, #"\\\""#, #"\/\b\f\n\r\t"#, #"\u0041\u00e9\u20AC"#, #"\ud83d\ude00!"#, "é😀", #"x\\"#, #"\u0000"#,
        ]
    )
    func escapes(_ inside: String) throws {
        let reference = try JSONSerialization.jsonObject(with: Data("[\"\(inside)\"]".utf8)) as? [String]
        #expect(try Self.members("{\"k\":\"\(inside)\"}")["k"] == reference?.first)
    }

    @Test(
        "broken escapes and bytes become replacement characters",
        arguments: [
            (#"\ud83d"#, "\u{FFFD}"), (#"\ud83dx"#, "\u{FFFD}x"), (#"\udc00"#, "\u{FFFD}"), (#"\uZZ"#, "\u{FFFD}ZZ"),
            (#"\u12"#, "\u{FFFD}12"),
        ]
    )
    func brokenEscapes(_ inside: String, _ expected: String) throws {
        #expect(try Self.members("{\"k\":\"\(inside)\"}")["k"] == expected)
    }

    @Test("invalid UTF-8 does not stop it")
    func invalidUTF8() throws {
        let bytes: [UInt8] = Array("{\"k\":\"".utf8) + [0xFF, 0xC0, 0x80] + Array("\",\"n\":1}".utf8)
        try bytes.withUnsafeBytes { raw in
            var reader = try #require(JSONReader(raw))
            var found: [String] = []
            try reader.forEachMember { key, value in found.append(try value.readScalar()?.string ?? "") }
            #expect(found == ["\u{FFFD}\u{FFFD}\u{FFFD}", "1"])
        }
    }

    @Test("nesting up to the limit is passed over, deeper is refused", arguments: ["[", "{\"a\":"])
    func depth(_ open: String) throws {
        let close = open == "[" ? "]" : "}"
        func nested(_ depth: Int) -> String {
            let levels = depth - 1
            return "{\"v\":" + String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
                + "}"
        }
        #expect(try Self.members(nested(JSONReader.maxDepth)) == ["v": String?.none])
        #expect(throws: JSONReader.Failure.tooDeep) { try Self.members(nested(JSONReader.maxDepth + 1)) }
        #expect(throws: JSONReader.Failure.tooDeep) { try Self.members(nested(200_000)) }
    }

    @Test(
        "refuses what is not JSON",
        arguments: [
            "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{\"a\":\"x}", "{\"a\":\"\\",
            "{\"a\":1}}",
            "{\"a\":1} x", "[1]", "12", "\"s\"", "nul", "nulls", "{\"a\":@}", "\u{FEFF}{}",
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: JSONReader.Failure.self) { try Self.members(text) }
    }

    @Test("visits the elements of an array, and skips what the body leaves")
    func elements() throws {
        try withBytes(#"{"list":[1,"two",{"x":3},null,[4]],"after":5}"#) { bytes in
            var reader = try #require(JSONReader(bytes))
            var seen: [String] = []
            try reader.forEachMember { key, value in
                guard key == "list" else { return seen.append(try value.readScalar()?.string ?? "") }
                var index = 0
                try value.forEachElement { element in
                    // Every second one is left to the reader.
                    if index % 2 == 1 { seen.append(try element.readScalar()?.string ?? "-") }
                    index += 1
                }
                seen.append("\(index)")
            }
            try reader.expectEnd()
            #expect(seen == ["two", "", "5", "5"])
        }
    }

    @Test(
        "integers, from strings and numbers alike",
        arguments: [
            ("\"-1\"", -1), ("814547789569", 814_547_789_569), ("\"140000000000000\"", 140_000_000_000_000),
            ("9223372036854775807", .max), ("9223372036854775808", nil), ("\"\"", nil), ("\"-\"", nil), ("1.0", nil),
            ("null", nil),
        ] as [(String, Int64?)]
    )
    func integers(_ text: String, _ expected: Int64?) throws {
        try withBytes("{\"k\":\(text)}") { bytes in
            var reader = try #require(JSONReader(bytes))
            try reader.forEachMember { _, value in
                let scalar = try value.readScalar()
                #expect(scalar?.integer == expected)
            }
        }
    }

    @Test("never reads outside its buffer", arguments: 1...4)
    func mutations(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let buffer = GuardedBytes(capacity: 4096)
        let sources = OperationTests.captures.map(\.text) + PositionRowTests.frames
        for _ in 0..<5_000 {
            var bytes = Array(random.pick(sources).utf8)
            for _ in 0..<random.below(8) where !bytes.isEmpty {
                let at = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[at] = UInt8(random.below(256))
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(random.pick(Array("\"\\{}[]:,0nu".utf8)), at: at)
                default: bytes = Array(bytes[..<at])
                }
            }
            buffer.atEnd(bytes) { _ = PrivateFrame($0, category: .linear) }
            buffer.atEnd(bytes) { _ = PublicFrame($0) }
        }
    }
}
