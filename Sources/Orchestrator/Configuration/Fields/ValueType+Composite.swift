extension ValueType {
    /// A mapping with known keys, decoded over what is there.
    static func object(_ description: ObjectDescription<Value>) -> ValueType {
        ValueType(
            shape: .object(description.shape),
            describe: { _ in nil },
            flatten: { description.flatten($0, under: $1, into: &$2) }
        ) { node, value, context in
            description.decode(node, into: &value, context: context)
        }
    }

    /// A part that may be missing. Named in the file it begins with `initial`.
    func optional(from initial: Value) -> ValueType<Value?> {
        let inner = self
        return ValueType<Value?>(
            shape: self.shape,
            describe: { $0.flatMap { inner.describe($0) } },
            flatten: { value, key, keys in
                if let value { inner.flatten(value, key, &keys) }
            }
        ) { node, value, context in
            var copy = value ?? initial
            guard inner.decode(node, &copy, context) else { return false }
            value = copy
            return true
        }
    }

    /// A part that may be missing and that `off` takes away again, whatever a parent or a default says.
    func orOff(from initial: Value) -> ValueType<Value?> {
        let inner = self.optional(from: initial)
        return ValueType<Value?>(
            shape: .offOr(self.shape),
            describe: inner.describe,
            flatten: { value, key, keys in
                if value == nil {
                    keys.append(FlatKey(key: key, text: "off"))
                } else {
                    inner.flatten(value, key, &keys)
                }
            }
        ) { node, value, context in
            if node.isOff {
                value = nil
                return true
            }
            return inner.decode(node, &value, context)
        }
    }

    /// A list. It replaces a list that was there: there is no telling which of its items was meant.
    static func list<Element: Sendable>(
        _ element: ValueType<Element>,
        initial: Element,
        count: ClosedRange<Int>
    ) -> ValueType<[Element]> where Value == [Element] {
        ValueType<[Element]>(
            shape: .list(element.shape, count: count),
            describe: { items in
                let texts = items.compactMap { element.describe($0) }
                return texts.count == items.count && !items.isEmpty ? "[\(texts.joined(separator: ", "))]" : nil
            },
            flatten: { items, key, keys in
                let texts = items.compactMap { element.describe($0) }
                if texts.count == items.count {
                    keys.append(FlatKey(key: key, text: "[\(texts.joined(separator: ", "))]"))
                } else {
                    for (index, item) in items.enumerated() { element.flatten(item, "\(key)[\(index)]", &keys) }
                }
            },
            decode: { node, value, context in
                guard case .sequence(let nodes) = node.content else {
                    context.wrongType(node, expected: "a list", help: "write [a, b], or one item per line after \"- \"")
                    return false
                }
                guard count.contains(nodes.count) else {
                    context.log.error(
                        .outOfRange,
                        node.place,
                        "\(context.key): the list has \(MessageText.grouped(nodes.count)) items",
                        expected: "\(MessageText.grouped(count.lowerBound)) to \(MessageText.grouped(count.upperBound))"
                    )
                    return false
                }
                var items: [Element] = []
                var isRight = true
                for node in nodes {
                    var item = initial
                    if element.decode(node, &item, context) { items.append(item) } else { isRight = false }
                }
                if isRight { value = items }
                return isRight
            }
        )
    }

    /// Kept as it stands and decoded later, when what it depends on is known.
    static func deferred(_ shape: ValueShape, default text: String? = nil) -> ValueType<YAMLNode?>
    where Value == YAMLNode? {
        ValueType<YAMLNode?>(shape: shape, describe: { _ in text }) { node, value, _ in
            value = node
            return !node.isInvalid
        }
    }
}
