extension StatusReport {
    /// One account of the file, enabled or not.
    public struct Account: Sendable, Equatable, Decodable {
        public var name: String
        public var enabled: Bool
        public var state: State
        public var health: Health
        /// The mode that works now.
        public var mode: String
        /// The mode the file asks for.
        public var configuredMode: String
        /// What overrides the file, in words; nil if nothing does.
        public var override: String?
        /// Which source feeds the consumers now.
        public var driver: Driver
        public var dryRun: Bool
        public var privateSession: PrivateSession
        public var positions: [Position]
        /// Says what ``positions`` would hold in a report that leaves them out.
        public var positionCounts: PositionCounts?
        public var events: Events
        public var reconnectsLastHour: Int
        public var errorsLastHour: Int
        /// The newest error with its cause, without secrets.
        public var lastError: String?
        /// Nil for an account that does not run.
        public var rollout: Rollout?
        /// While it is draining, and after a drain that was not done in time.
        public var drain: Drain?

        public init(
            name: String,
            enabled: Bool,
            state: State,
            health: Health,
            mode: String,
            configuredMode: String,
            override: String? = nil,
            driver: Driver,
            dryRun: Bool,
            privateSession: PrivateSession,
            positions: [Position] = [],
            positionCounts: PositionCounts? = nil,
            events: Events,
            reconnectsLastHour: Int = 0,
            errorsLastHour: Int = 0,
            lastError: String? = nil,
            rollout: Rollout? = nil,
            drain: Drain? = nil
        ) {
            self.name = name
            self.enabled = enabled
            self.state = state
            self.health = health
            self.mode = mode
            self.configuredMode = configuredMode
            self.override = override
            self.driver = driver
            self.dryRun = dryRun
            self.privateSession = privateSession
            self.positions = positions
            self.positionCounts = positionCounts
            self.events = events
            self.reconnectsLastHour = reconnectsLastHour
            self.errorsLastHour = errorsLastHour
            self.lastError = lastError
            self.rollout = rollout
            self.drain = drain
        }

        private enum CodingKeys: String, CodingKey {
            case name, enabled, state, health, mode, override, driver, positions, events, rollout, drain
            case configuredMode = "configured_mode"
            case dryRun = "dry_run"
            case privateSession = "private"
            case positionCounts = "position_counts"
            case reconnectsLastHour = "reconnects_1h"
            case errorsLastHour = "errors_1h"
            case lastError = "last_error"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                name: try container.decode(String.self, forKey: .name),
                enabled: try container.decode(Bool.self, forKey: .enabled),
                state: try container.decode(State.self, forKey: .state),
                health: try container.decode(Health.self, forKey: .health),
                mode: try container.decode(String.self, forKey: .mode),
                configuredMode: try container.decode(String.self, forKey: .configuredMode),
                override: try container.decodeIfPresent(String.self, forKey: .override),
                driver: try container.decode(Driver.self, forKey: .driver),
                dryRun: try container.decode(Bool.self, forKey: .dryRun),
                privateSession: try container.decode(PrivateSession.self, forKey: .privateSession),
                positions: try container.decodeIfPresent([Position].self, forKey: .positions) ?? [],
                positionCounts: try container.decodeIfPresent(PositionCounts.self, forKey: .positionCounts),
                events: try container.decode(Events.self, forKey: .events),
                reconnectsLastHour: try container.decode(Int.self, forKey: .reconnectsLastHour),
                errorsLastHour: try container.decode(Int.self, forKey: .errorsLastHour),
                lastError: try container.decodeIfPresent(String.self, forKey: .lastError),
                rollout: try container.decodeIfPresent(Rollout.self, forKey: .rollout),
                drain: try container.decodeIfPresent(Drain.self, forKey: .drain)
            )
        }

        /// Counted from ``positions`` unless the report left them out.
        public var counts: PositionCounts { self.positionCounts ?? PositionCounts(of: self.positions) }
    }

    /// Where an account is in its life.
    public enum State: String, Sendable, Decodable, CaseIterable {
        case disabled, starting, live, degraded, fallback, draining, drained, failed
    }

    /// The source that feeds the consumers; `mixed` during a cutover.
    public enum Driver: String, Sendable, Decodable, CaseIterable {
        case rest, hybrid, mixed
    }

    /// An account's own WebSocket connection.
    public struct PrivateSession: Sendable, Equatable, Decodable {
        public var state: ConnectionState
        public var connects: Int
        public var lastFrameAge: Int64?

        public init(state: ConnectionState, connects: Int, lastFrameAge: Int64?) {
            self.state = state
            self.connects = connects
            self.lastFrameAge = lastFrameAge
        }

        private enum CodingKeys: String, CodingKey {
            case state, connects
            case lastFrameAge = "last_frame_age_ms"
        }
    }

    /// What went down an account's pipeline since the start.
    public struct Events: Sendable, Equatable, Decodable {
        public var emitted: Int64
        /// Written with one decimal.
        public var perSecond: Double
        public var conflated: Int64
        public var lastAge: Int64?
        /// Frame read → event handed over, microseconds.
        public var latencyP50: Int64?
        public var latencyP99: Int64?

        public init(
            emitted: Int64 = 0,
            perSecond: Double = 0,
            conflated: Int64 = 0,
            lastAge: Int64? = nil,
            latencyP50: Int64? = nil,
            latencyP99: Int64? = nil
        ) {
            self.emitted = emitted
            self.perSecond = perSecond
            self.conflated = conflated
            self.lastAge = lastAge
            self.latencyP50 = latencyP50
            self.latencyP99 = latencyP99
        }

        private enum CodingKeys: String, CodingKey {
            case emitted, conflated
            case perSecond = "per_second"
            case lastAge = "last_age_ms"
            case latencyP50 = "latency_p50_us"
            case latencyP99 = "latency_p99_us"
        }
    }
}
