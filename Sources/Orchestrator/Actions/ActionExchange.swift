/// What carries out the actions of an account and looks up what became of them. Never throws: what went wrong is an answer.
package protocol ActionExchange: Sendable {
    func send(_ action: Action) async -> ActionAnswer
    /// The order of a closing action.
    func findOrder(_ action: Action) async -> ActionFinding
    /// The row of an action's position, also if it is flat.
    func findPosition(_ action: Action) async -> ActionFinding
}
