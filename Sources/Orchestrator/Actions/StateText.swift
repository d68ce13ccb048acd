import Foundation

/// What consumers remember, as text in the store.
enum StateText {
    static func encode<State: Encodable>(_ state: State) -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // States are plain values: there is nothing in them that JSON could not hold.
        guard let data = try? encoder.encode(state) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    static func decode<State: Decodable>(_ text: String) throws -> State {
        try JSONDecoder().decode(State.self, from: Data(text.utf8))
    }
}
