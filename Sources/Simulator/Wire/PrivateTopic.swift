/// A topic of the private socket, all-in-one (`position`) or for one category (`position.linear`).
struct PrivateTopic: Equatable {
    enum Kind: String {
        case position, execution, order, wallet, greeks
        case fastExecution = "execution.fast"
    }

    let text: String
    let kind: Kind
    /// Nil for the all-in-one form.
    let category: String?

    /// Nil for a topic the private socket does not have.
    init?(_ text: String) {
        for kind in [Kind.fastExecution, .position, .execution, .order, .wallet, .greeks] {
            let name = kind.rawValue
            if text == name {
                self.init(text: text, kind: kind, category: nil)
                return
            }
            guard text.hasPrefix(name + ".") else { continue }
            let category = String(text.dropFirst(name.count + 1))
            guard kind.categories.contains(category) else { continue }
            self.init(text: text, kind: kind, category: category)
            return
        }
        return nil
    }

    private init(text: String, kind: Kind, category: String?) {
        self.text = text
        self.kind = kind
        self.category = category
    }
}

extension PrivateTopic.Kind {
    var categories: [String] {
        switch self {
        case .position: ["linear", "inverse", "option"]
        case .execution, .order, .fastExecution: ["spot", "linear", "inverse", "option"]
        case .wallet, .greeks: []
        }
    }
}
