import HybridStream
import Synchronization

/// REST that remembers what was asked for and answers as a test tells it to.
final class FakeTradingREST: TradingREST {
    struct Order: Equatable {
        var linkID: String
        var category: Category
        var symbol: String
    }

    private struct State {
        var stops: [TradingStopRequest] = []
        var closes: [ClosingOrder] = []
        var lookUps: [Order] = []
        var failure: RESTError?
        var order: OrderInformation?
        var rows: [Position] = []
    }

    private let state = Mutex(State())

    var stops: [TradingStopRequest] { self.state.withLock { $0.stops } }
    var closes: [ClosingOrder] { self.state.withLock { $0.closes } }
    var lookUps: [Order] { self.state.withLock { $0.lookUps } }

    func fail(_ error: RESTError) { self.state.withLock { $0.failure = error } }
    func show(_ order: OrderInformation) { self.state.withLock { $0.order = order } }
    func show(_ rows: [Position]) { self.state.withLock { $0.rows = rows } }

    private func answer<Value>(_ body: (inout State) -> Value) throws -> Value {
        try self.state.withLock { state in
            let value = body(&state)
            if let failure = state.failure { throw failure }
            return value
        }
    }

    func setTradingStop(_ request: TradingStopRequest, account: AccountIdentity) async throws {
        try self.answer { $0.stops.append(request) }
    }

    func closePosition(_ order: ClosingOrder, account: AccountIdentity) async throws {
        try self.answer { $0.closes.append(order) }
    }

    func order(
        linkID: String,
        category: Category,
        symbol: String,
        account: AccountIdentity
    ) async throws -> OrderInformation? {
        try self.answer { state in
            state.lookUps.append(Order(linkID: linkID, category: category, symbol: symbol))
            return state.order
        }
    }

    func positions(
        category: Category,
        symbol: String,
        account: AccountIdentity
    ) async throws -> [Position] {
        try self.answer { state in
            state.lookUps.append(Order(linkID: "", category: category, symbol: symbol))
            return state.rows
        }
    }
}
