import HybridStream
import Testing

@testable import Orchestrator

/// Recordings of runs that acted: what the exchange and the journal said is taken from them.
@Suite("Replay of a live run")
struct ReplayAnswersTests {
    private typealias Row = RecordingBuilder

    /// A position that is opened, and everything that is known of it.
    private static func opened() -> (builder: RecordingBuilder, id: (Int) -> String) {
        var it = RecordingBuilder()
        it.consumers(.started)
        it.event(.opened, Row.row(5))
        let opening = Opening(Row.row(5), time: it.time, n: it.n)
        let id = { attempt in
            OrderLink.make(account: "sub-001", opening: opening, seat: .positionManager, attempt: attempt)
        }
        it.event(.mark, Row.row(5))
        it.consumers(.ready)
        it.event(.mark, Row.row(5), mark: "1000.1")
        return (it, id)
    }

    private static let strategy = Strategy.of(stop: true)

    @Test("decided when the tick size became known, accepted, confirmed: as recorded")
    func accepted() throws {
        var (it, id) = Self.opened()
        it.stop(id(1), "960", .journalled)
        it.stop(id(1), "960", .accepted, code: 0)
        it.event(.amended, Row.row(5, stop: "960"))
        it.stop(id(1), "960", .done)
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded && outcome.actions.map(\.id) == [id(1)])
        #expect(outcome.actions[0].time == it.time - 1_000, "at the first mark after the tick size was known")
        #expect(ReplayReport(strategy: "", outcome).stopsMoved == 1)
        var other = Self.strategy
        other.positionManager?.stopLossPercent = FixedPoint(3)
        #expect(try !it.run(other).isAsRecorded)
        #expect(try it.run(other).texts == ["p1 set_stop 970"])
    }

    @Test(
        "refused: asked for again when it was, and not before",
        arguments: [
            (nil, nil, 300), (10_001, nil, 300), (10_006, nil, 15_000), (110_007, nil, 60_000),
            (nil, .rateLimit, 15_000),
            (10_001, .impossible, 60_000), (10_006, .again, 300),
        ] as [(Int?, PipelineEvent.Action.Refusal?, Int64)]
    )
    func refused(code: Int?, refusal: PipelineEvent.Action.Refusal?, pause: Int64) throws {
        var (it, id) = Self.opened()
        it.stop(id(1), "960", .journalled)
        it.stop(id(1), "960", .rejected, code: code, refusal: refusal)
        it.event(.mark, Row.row(5), mark: "1000.2", after: pause - 1)
        it.event(.mark, Row.row(5), mark: "1000.3", after: 1)
        let again = it.time
        it.stop(id(2), "960", .journalled)
        it.stop(id(2), "960", .accepted, code: 0)
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded && outcome.actions.map(\.id) == [id(1), id(2)])
        #expect(outcome.actions.last?.time == again)
        #expect(ReplayReport(strategy: "", outcome).stopsMoved == 1, "the refused one has moved nothing")
    }

    @Test("the journal could not be written, and the exchange was in doubt")
    func doubts() throws {
        var (it, id) = Self.opened()
        it.stop(id(1), "960", .rejected, refusal: .again)
        it.event(.mark, Row.row(5), mark: "1000.2", after: 400)
        it.stop(id(2), "960", .journalled)
        it.stop(id(2), "960", .unknown, code: 10_016)
        it.event(.mark, Row.row(5), mark: "1000.3", after: 20_000)
        it.stop(id(2), "960", .accepted)
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded && outcome.actions.count == 2)
    }

    @Test("another action than the recorded one, or one more or less: not as recorded")
    func others() throws {
        let (start, id) = Self.opened()
        var changed = start
        changed.stop(id(1), "961", .journalled)
        #expect(try !changed.run(Self.strategy).isAsRecorded)
        var more = start
        more.stop(id(1), "960", .journalled)
        #expect(try more.run(Self.strategy).isAsRecorded)
        more.stop(id(2), "960", .journalled)
        #expect(try !more.run(Self.strategy).isAsRecorded)
        #expect(try !start.run(Self.strategy).isAsRecorded, "the recording lacks it")
    }

    /// Killed after the decision: it had come into the journal, or not.
    @Test(
        "a kill: what had come into the journal is looked up, what had not is decided again",
        arguments: [true, false]
    )
    func killed(wasWritten: Bool) throws {
        var (it, id) = Self.opened()
        it.consumers(.started)
        it.event(.resync, Row.row(5))
        it.consumers(.ready)
        it.event(.mark, Row.row(5), mark: "1000.2")
        if wasWritten {
            it.stop(id(1), "960", .rejected, refusal: .again)
            it.event(.mark, Row.row(5), mark: "1000.3")
        }
        let last = wasWritten ? 2 : 1
        it.stop(id(last), "960", .journalled)
        it.stop(id(last), "960", .accepted, code: 0)
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded)
        #expect(outcome.actions.map(\.id) == (1...last).map(id))
        #expect(outcome.actions.last?.time == it.time)
        #expect(outcome.holdings.count == 1, "a restart opens nothing")
    }

    /// A poll may take seconds to show a stop, and until then the journal has no end of it.
    @Test("a kill between a stop and the row that shows it: it is looked up first", arguments: [true, false])
    func killedBeforeTheRow(isShown: Bool) throws {
        var (it, id) = Self.opened()
        it.stop(id(1), "960", .journalled)
        it.stop(id(1), "960", .accepted, code: 0)
        it.consumers(.started)
        it.event(.resync, Row.row(5))
        it.consumers(.ready)
        it.event(.mark, Row.row(5), mark: "1000.2")
        if isShown {
            it.stop(id(1), "960", .accepted)
            it.event(.mark, Row.row(5), mark: "1000.3")
            it.event(.amended, Row.row(5, stop: "960"))
            it.stop(id(1), "960", .done)
        } else {
            it.stop(id(1), "960", .rejected, refusal: .again)
            it.event(.mark, Row.row(5), mark: "1000.3")
            it.stop(id(2), "960", .journalled)
        }
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded)
        #expect(outcome.actions.map(\.id) == (isShown ? [id(1)] : [id(1), id(2)]))
    }

    @Test("nothing is decided from the end of a process to the next")
    func stopped() throws {
        var it = RecordingBuilder()
        it.consumers(.started)
        it.consumers(.ready)
        it.consumers(.stopped)
        it.event(.opened, Row.row(5))
        it.event(.mark, Row.row(5), mark: "1000.1")
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded && outcome.actions.isEmpty && outcome.events == 2)
    }

    @Test("a dry run: as recorded without any answers")
    func dryRun() throws {
        var it = RecordingBuilder()
        it.consumers(.started, dryRun: true)
        it.event(.opened, Row.row(5))
        it.consumers(.ready, dryRun: true)
        it.event(.mark, Row.row(5), mark: "1000.1")
        let decided = try it.run(Self.strategy).actions
        let action = try #require(decided.first)
        it.tell(
            .action(
                .init(
                    consumer: "position_manager",
                    action: "set_stop",
                    symbol: "BTCUSDT",
                    positionIndex: 0,
                    orderLinkID: action.id,
                    parameters: action.what.parameters,
                    dryRun: true,
                    outcome: .journalled
                )
            )
        )
        it.event(.mark, Row.row(5), mark: "959.0")
        let outcome = try it.run(Self.strategy)
        #expect(outcome.isAsRecorded && outcome.actions.map(\.id) == [action.id])
        #expect(outcome.actions[0].time > action.time, "when the tick size was known")
        #expect(ReplayReport(strategy: "", outcome).exitsByStop == 1)
    }
}
