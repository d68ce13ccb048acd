extension HybridStream {
    /// What `status` shows of the account. Taken on its loop.
    public struct Snapshot: Sendable {
        public var state: AccountMachine.State
        public var reason: String
        /// Which source feeds the consumers now.
        public var driver: Driver
        public var connectionState: AccountMachine.ConnectionState
        public var connects: Int
        public var lastFrame: Uptime?
        public var lastError: String?
        public var reconnectsLastHour: Int
        public var errorsLastHour: Int
        /// Rows of the last sweep that could not be read.
        public var unreadableRows: Int
        public var positions: [PositionSnapshot]
    }

    public enum Driver: String, Sendable {
        case rest, hybrid
        /// The stream in some symbols, REST in the others.
        case mixed
    }

    public struct PositionSnapshot: Sendable {
        public var position: Position
        public var mark: FixedPoint?
        public var isStale: Bool
        /// When a sweep's row last brought the mark, where no ticker does.
        public var rowTime: Uptime?
        public var unrealizedPnL: FixedPoint?
    }

    public func snapshot(includePositions: Bool) -> Snapshot {
        self.eventLoop.assertInEventLoop()
        var positions: [PositionSnapshot] = []
        if includePositions {
            for (slot, cell) in self.tracker.book.cells.enumerated() where cell.position.isOpen {
                let known = self.tracker.mark(slot)
                let mark = known.price ?? cell.position.rowMarkPrice
                let rowTime = self.tracker.rowTime(slot)
                let isOverdue = rowTime.map { self.machine.isOverdue(markOf: $0, now: self.now) } ?? false
                let isStale = known.isStale || !self.tracker.hasTicker(slot) && isOverdue
                positions.append(
                    PositionSnapshot(
                        position: cell.position,
                        mark: mark,
                        isStale: isStale,
                        rowTime: rowTime,
                        unrealizedPnL: mark.flatMap { cell.position.unrealizedPnL(at: $0) }
                    )
                )
            }
        }
        let now = self.now
        return Snapshot(
            state: self.machine.state,
            reason: self.machine.reason,
            driver: self.driver,
            connectionState: self.machine.connectionState,
            connects: self.machine.connects,
            lastFrame: self.machine.lastFrame,
            lastError: self.machine.lastError,
            reconnectsLastHour: self.closures.count(now: now),
            errorsLastHour: self.errors.count(now: now),
            unreadableRows: self.unreadableRows,
            positions: positions
        )
    }

    /// Connections that the private stream has asked for since the start.
    package var machineConnects: Int { self.machine.connects }

    private var driver: Driver {
        switch (self.machine.driver, self.drive) {
        case (.rest, _), (_, .rest), (_, .beside): .rest
        case (.hybrid, .mixed): .mixed
        case (.hybrid, .hybrid): .hybrid
        }
    }
}
