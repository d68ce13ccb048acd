extension FixedPoint: Hashable {
    /// Equal numbers have equal hashes however many zeros they were written with.
    public func hash(into hasher: inout Hasher) {
        let plain = self.normalized
        hasher.combine(plain.mantissa)
        hasher.combine(plain.scale)
    }
}

extension FixedPoint: Codable {
    /// Reads the text of a decimal: a number of JSON would go through binary floating point.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = FixedPoint(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "\"\(text)\" is not a decimal number of at most 38 digits"
            )
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
