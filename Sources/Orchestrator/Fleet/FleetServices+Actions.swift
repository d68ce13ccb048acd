import HybridStream
import Logging

extension FleetServices {
    /// What carries out the actions of an account's consumers.
    func executor(
        of supervisor: AccountSupervisor,
        on loop: FleetLoop,
        store: Store,
        logger: Logger
    ) -> AccountExecutor {
        let account = supervisor.account
        let instruments = self.instruments
        return AccountExecutor(
            DeskSettings(
                account: account.identity.name,
                strategy: account.configuration.strategy,
                isDryRun: account.isDryRun
            ),
            pipeline: supervisor.pipeline,
            loop: loop.pipeline,
            eventLoop: loop.eventLoop,
            services: AccountExecutor.Services(
                exchange: TradingExchange(
                    rest: self.rest,
                    account: account.identity,
                    rules: { symbol in await instruments.knownRules(of: symbol) }
                ),
                journal: store,
                tickSize: { symbol in await instruments.rules(of: symbol)?.tickSize },
                time: self.stream.environment.time,
                clock: self.stream.clock,
                taskExecutor: self.stream.environment.executor
            ),
            logger: logger
        )
    }

    /// Keeps the tick sizes beside the store for replays, as often as they are fetched.
    func keepTickSizes(at path: String, logger: Logger) async {
        await self.instruments.setOnFetched { instruments in
            // On the book's own task, not on an event loop.
            let sizes = instruments.compactMap { instrument in instrument.tickSize.map { (instrument.symbol, $0) } }
            do {
                try TickSizeFile.write(Dictionary(sizes) { _, last in last }, to: path)
            } catch {
                logger.warning(
                    "the instruments' tick sizes could not be kept for replays; they are written again in an hour",
                    metadata: ["path": "\(path)", "reason": "\(error)"]
                )
            }
        }
    }
}
