internal import HybridStream

/// One entry of `strategies:`.
struct StrategyDraft: Sendable {
    var extends: String?
    var strategy = Strategy()
}

extension Grammar {
    static let strategy = ObjectDescription(
        "strategy",
        title: "a strategy",
        doc: "The consumers of an account and their parameters. A consumer that is not named is not there.",
        defaults: StrategyDraft(),
        fields: [
            FieldDescription(
                "extends",
                \.extends,
                ValueType<String>.name(of: "the name of a strategy").optional(from: ""),
                "begins with everything the other strategy says; keys given here replace its single keys"
            )
        ] + Grammar.consumers.map { $0.within(\StrategyDraft.strategy) }
    )

    static let overrides = ObjectDescription(
        "overrides",
        title: "overrides",
        doc: "Single keys of the strategy, for one account.",
        defaults: Strategy(),
        fields: Grammar.consumers
    )

    private static let consumers: [FieldDescription<Strategy>] = [
        FieldDescription(
            "position_manager",
            \.positionManager,
            ValueType.object(Grammar.positionManager).orOff(from: PositionManagerParameters()),
            "sees to it that each position is protected"
        ),
        FieldDescription(
            "trailing_stop",
            \.trailingStop,
            ValueType.object(Grammar.trailingStop).orOff(from: TrailingStopParameters()),
            "follows the mark with a stop"
        ),
        FieldDescription(
            "aged_monitor",
            \.agedMonitor,
            ValueType.object(Grammar.agedMonitor).orOff(from: AgedMonitorParameters()),
            "closes positions that have grown old"
        ),
        FieldDescription(
            "sinks",
            \.sinks,
            .list(.sink, initial: .jsonl(JSONLSinkConfiguration()), count: 0...32),
            "where events go; a list given here replaces an inherited one"
        ),
    ]

    static let positionManager = ObjectDescription(
        "position_manager",
        title: "position_manager",
        doc: "Sees to it that each position is protected.",
        defaults: PositionManagerParameters(),
        fields: [
            FieldDescription(
                "stop_loss_percent",
                \.stopLossPercent,
                .decimal(Grammar.step...FixedPoint(90), orZero: true),
                "stop set on a position that has none, this far from entry; 0 = off"
            ),
            FieldDescription(
                "unprotected_alert_after",
                \.unprotectedAlertAfter,
                .duration(.zero...DurationText.days(1)),
                "critical alert when a position has had no stop for this long"
            ),
            FieldDescription("stop_trigger_by", \.stopTriggerBy, .word(), "what triggers the stop"),
        ]
    )

    static let trailingStop = ObjectDescription(
        "trailing_stop",
        title: "trailing_stop",
        doc: "Follows the mark with a stop.",
        defaults: TrailingStopParameters(),
        fields: [
            FieldDescription(
                "activation_percent",
                \.activationPercent,
                .decimal(Grammar.percent),
                "profit over entry at which trailing starts"
            ),
            FieldDescription(
                "callback_percent",
                \.callbackPercent,
                .decimal(Grammar.step...FixedPoint(50)),
                "distance from peak to stop"
            ),
            FieldDescription(
                "breakeven_percent",
                \.breakevenPercent,
                .decimal(Grammar.percent),
                "profit at which the stop moves to entry, unless a better one stands; 0 = off"
            ),
            FieldDescription(
                "execution",
                \.execution,
                .word(),
                "`managed`: the stop loss is amended as the peak moves; `exchange`: the exchange's own trailing stop is armed once"
            ),
            FieldDescription(
                "min_update_interval",
                \.minUpdateInterval,
                .duration(.zero...DurationText.days(1)),
                "at most one amendment per interval …"
            ),
            FieldDescription(
                "min_improvement_percent",
                \.minImprovementPercent,
                .decimal(Grammar.percent),
                "… and only if the stop gets better by this much"
            ),
            FieldDescription(
                "urgent_improvement_percent",
                \.urgentImprovementPercent,
                .decimal(Grammar.percent),
                "an improvement this large ignores both"
            ),
            FieldDescription("trigger_by", \.triggerBy, .word(), "the same price that is followed"),
        ],
        check: Grammar.checkTrailingStop
    )

    static let agedMonitor = ObjectDescription(
        "aged_monitor",
        title: "aged_monitor",
        doc: "Closes positions that have grown old.",
        defaults: AgedMonitorParameters(),
        fields: [
            FieldDescription(
                "max_age",
                \.maxAge,
                .duration(.seconds(1)...DurationText.days(365)),
                "from here on the position is aged: grace begins"
            ),
            FieldDescription(
                "grace_period",
                \.gracePeriod,
                .duration(.zero...DurationText.days(365)),
                "while it lasts the position closes at break-even after costs, or better"
            ),
            FieldDescription(
                "loss_step_percent",
                \.lossStepPercent,
                .decimal(Grammar.percent),
                "after grace, accepted loss grows by this per hour …"
            ),
            FieldDescription(
                "max_loss_percent",
                \.maxLossPercent,
                .decimal(Grammar.percent),
                "… up to this; then it closes whatever the price"
            ),
            FieldDescription("commission_percent", \.commissionPercent, .decimal(.zero...FixedPoint(5)), "per side"),
            FieldDescription(
                "close_with",
                \.closeWith,
                .word(),
                "`limit`: immediate-or-cancel, three rounds, then market"
            ),
            FieldDescription(
                "limit_offset_percent",
                \.limitOffsetPercent,
                .decimal(.zero...FixedPoint(10)),
                "how far beyond the mark a limit order goes"
            ),
            FieldDescription(
                "skip_while_trailing",
                \.isSkippedWhileTrailing,
                .boolean,
                "leaves a position alone while its trailing stop is active"
            ),
        ],
        check: { node, aged, context in
            guard aged.lossStepPercent.isZero, aged.maxLossPercent.isPositive else { return }
            context.log.warning(
                .conflict,
                node.span(of: "loss_step_percent"),
                "with a step of 0 the accepted loss never grows to max_loss_percent"
            )
        }
    )

    /// The smallest distance that makes sense: a tenth of a basis point.
    private static let step = FixedPoint(mantissa: 1, scale: 3)

    @Sendable
    private static func checkTrailingStop(
        _ node: YAMLNode,
        _ stop: TrailingStopParameters,
        _ context: DecodingContext
    ) {
        if stop.callbackPercent > stop.activationPercent {
            context.log.warning(
                .conflict,
                node.span(of: "callback_percent"),
                "callback_percent (\(stop.callbackPercent)) is more than activation_percent (\(stop.activationPercent))",
                help: "the first stop would stand on the losing side of entry"
            )
        }
        if stop.breakevenPercent > stop.activationPercent {
            context.log.warning(
                .conflict,
                node.span(of: "breakeven_percent"),
                "breakeven_percent (\(stop.breakevenPercent)) is more than activation_percent (\(stop.activationPercent))",
                help: "trailing starts before the stop would move to entry"
            )
        }
        if stop.urgentImprovementPercent < stop.minImprovementPercent {
            context.log.warning(
                .conflict,
                node.span(of: "urgent_improvement_percent"),
                "urgent_improvement_percent (\(stop.urgentImprovementPercent)) is less than min_improvement_percent (\(stop.minImprovementPercent))",
                help: "then every improvement is urgent and min_update_interval has no effect"
            )
        }
        if stop.execution == .managed, stop.triggerBy != .mark {
            context.log.warning(
                .conflict,
                node.span(of: "trigger_by"),
                "the stop follows the mark but is triggered by \(stop.triggerBy.rawValue)"
            )
        }
    }
}
