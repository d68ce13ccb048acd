import HybridStream

extension Action {
    /// Its row in the journal.
    func record(
        _ account: String,
        _ outcome: PipelineEvent.Action.Outcome,
        code: Int?,
        text: String,
        time: Int64
    ) -> ActionRecord {
        ActionRecord(
            account: account,
            orderLinkID: self.id,
            consumer: self.seat.name,
            action: self.name,
            opening: self.opening,
            size: self.size,
            parameters: self.parameters,
            isDryRun: self.isDryRun,
            attempt: self.attempt,
            outcome: outcome,
            returnCode: code,
            text: text,
            createdTime: self.created,
            updatedTime: time
        )
    }

    /// Reads a row of the journal; nil if it is none that this version has written.
    init?(_ record: ActionRecord) {
        guard let seat = ConsumerSeat(name: record.consumer), let intent = Intent(record) else { return nil }
        self.init(
            id: record.orderLinkID,
            seat: seat,
            opening: record.opening,
            intent: intent,
            size: record.size,
            attempt: record.attempt,
            isDryRun: record.isDryRun,
            created: record.createdTime
        )
    }
}

extension Intent {
    fileprivate init?(_ record: ActionRecord) {
        func value(_ name: String) -> String? { record.parameters.first { $0.name == name }?.value }
        func price(_ name: String) -> FixedPoint? { value(name).flatMap { FixedPoint($0) } }
        let trigger = value("trigger_by").flatMap { TriggerPrice(rawValue: $0) } ?? .mark
        switch record.action {
        case "set_stop":
            guard let stop = price("stop_loss") else { return nil }
            self = .setStop(price: stop, triggerBy: trigger)
        case "set_trailing_stop":
            guard let distance = price("trailing_stop"), let activation = price("activation_price") else { return nil }
            self = .setTrailingStop(distance: distance, activation: activation, triggerBy: trigger)
        case "close_position":
            if value("type") == "market" {
                self = .closePosition(.market)
            } else if let limit = price("price") {
                self = .closePosition(.limit(limit))
            } else {
                return nil
            }
        default: return nil
        }
    }
}

extension RememberedState {
    func record(_ account: String, time: Int64) -> ConsumerStateRecord {
        ConsumerStateRecord(
            account: account,
            opening: self.opening,
            consumer: self.seat.name,
            state: self.state,
            attempts: self.attempts,
            isDryRun: self.isDryRun,
            updatedTime: time
        )
    }

    /// Nil for a consumer that this version does not know.
    init?(_ record: ConsumerStateRecord) {
        guard let seat = ConsumerSeat(name: record.consumer) else { return nil }
        self.init(
            opening: record.opening,
            seat: seat,
            state: record.state,
            attempts: record.attempts,
            isDryRun: record.isDryRun
        )
    }
}
