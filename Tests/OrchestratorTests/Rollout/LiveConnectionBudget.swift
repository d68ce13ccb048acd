import HybridStream

/// The budget that connections really stand in line for; the configuration has a type of the same name.
typealias LiveConnectionBudget = ConnectionBudget
