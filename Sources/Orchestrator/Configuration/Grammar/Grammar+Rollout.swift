internal import HybridStream

extension Grammar {
    /// 0…100.
    static let percent = FixedPoint.zero...FixedPoint(100)

    static let rollout = ObjectDescription(
        "rollout",
        title: "the rollout",
        doc: "When an account may go up a mode, and when it goes down by itself.",
        defaults: RolloutConfiguration(),
        fields: [
            FieldDescription("auto_rollback", \.isAutoRollback, .boolean, "`false` alerts only"),
            FieldDescription("gates", \.gates, .object(Grammar.gates), "what must hold before the next mode"),
            FieldDescription(
                "rollback_when",
                \.rollbackWhen,
                .object(Grammar.rollbackWhen),
                "what sends an account back to `rest`"
            ),
            FieldDescription("waves", \.waves, .object(Grammar.waves), "how `promote --waves` takes the fleet up"),
        ]
    )

    static let gates = ObjectDescription(
        "gates",
        title: "the gates",
        doc: "What must hold before the next mode.",
        defaults: RolloutGates(),
        fields: [
            FieldDescription("canary", \.canary, .object(Grammar.canaryGate), "from canary to parallel"),
            FieldDescription("parallel", \.parallel, .object(Grammar.parallelGate), "from parallel to cutover"),
            FieldDescription(
                "cutover",
                \.cutover,
                .object(Grammar.cutoverGate),
                "from step to step and to hybrid; the parallel gates hold as well"
            ),
        ]
    )

    private static let soaks = Duration.zero...DurationText.days(30)

    static let canaryGate = ObjectDescription(
        "canary_gate",
        title: "the canary gate",
        doc: "From canary to parallel.",
        defaults: CanaryGate(),
        fields: [
            FieldDescription("soak", \.soak, .duration(Grammar.soaks), "how long all of it must hold"),
            FieldDescription(
                "min_updates_per_second",
                \.minUpdatesPerSecond,
                .decimal(.zero...FixedPoint(1_000)),
                "of each held symbol"
            ),
            FieldDescription(
                "max_update_age",
                \.maxUpdateAge,
                .duration(.milliseconds(100)...DurationText.hours(1)),
                "age of the newest update"
            ),
            FieldDescription("max_failed_connects", \.maxFailedConnects, .integer(0...1_000), "while soaking"),
        ]
    )

    static let parallelGate = ObjectDescription(
        "parallel_gate",
        title: "the parallel gate",
        doc: "From parallel to cutover.",
        defaults: ParallelGate(),
        fields: [
            FieldDescription("soak", \.soak, .duration(Grammar.soaks), "how long all of it must hold"),
            FieldDescription(
                "min_agreement_percent",
                \.minAgreementPercent,
                .decimal(Grammar.percent),
                "share of marks that agree"
            ),
            FieldDescription(
                "agreement_within_percent",
                \.agreementWithinPercent,
                .decimal(Grammar.percent),
                "marks this near to each other agree"
            ),
            FieldDescription(
                "max_divergence_percent",
                \.maxDivergencePercent,
                .decimal(Grammar.percent),
                "no mark is further away"
            ),
        ],
        check: { node, gate, context in
            guard gate.agreementWithinPercent > gate.maxDivergencePercent else { return }
            context.log.warning(
                .conflict,
                node.span(of: "agreement_within_percent"),
                "marks agree further apart (\(gate.agreementWithinPercent)) than they may diverge (\(gate.maxDivergencePercent))"
            )
        }
    )

    static let cutoverGate = ObjectDescription(
        "cutover_gate",
        title: "the cutover gate",
        doc: "From step to step, then to hybrid.",
        defaults: CutoverGate(),
        fields: [
            FieldDescription("soak", \.soak, .duration(Grammar.soaks), "per step"),
            FieldDescription(
                "steps",
                \.steps,
                .list(.integer(1...100), initial: 0, count: 1...20),
                "percent of the symbols that the stream drives, rising to 100"
            ),
        ],
        check: { node, gate, context in
            let isRising = zip(gate.steps, gate.steps.dropFirst()).allSatisfy { $0 < $1 }
            guard !isRising || gate.steps.last != 100 else { return }
            context.log.error(
                .badValue,
                node.span(of: "steps"),
                "steps: these do not rise to 100",
                expected: "rising numbers, the last one 100, as in [50, 100]"
            )
        }
    )

    static let rollbackWhen = ObjectDescription(
        "rollback_when",
        title: "rollback_when",
        doc: "What sends an account back to `rest` at once.",
        defaults: RollbackConditions(),
        fields: [
            FieldDescription(
                "both_down",
                \.bothDown,
                .duration(.seconds(1)...DurationText.days(1)),
                "both sockets down for this long"
            ),
            FieldDescription(
                "no_event",
                \.noEvent,
                .duration(.seconds(1)...DurationText.days(1)),
                "no event for this long while positions are open"
            ),
            FieldDescription(
                "subscription_failures_per_hour",
                \.subscriptionFailuresPerHour,
                .integer(0...100_000),
                "more than this"
            ),
            FieldDescription(
                "max_divergence_percent",
                \.maxDivergencePercent,
                .decimal(Grammar.percent),
                "a larger divergence that the second sweep confirms"
            ),
        ]
    )

    static let waves = ObjectDescription(
        "waves",
        title: "the waves",
        doc: "How `promote --waves` takes the fleet up.",
        defaults: RolloutWaves(),
        fields: [
            FieldDescription(
                "sizes",
                \.sizes,
                .list(.waveSize, initial: .accounts(0), count: 1...100),
                "accounts promoted when a wave is complete: a number, or a share of the fleet"
            ),
            FieldDescription("soak", \.soak, .duration(Grammar.soaks), "between waves"),
            FieldDescription(
                "max_unhealthy",
                \.maxUnhealthy,
                .integer(0...Grammar.maxAccounts),
                "more unhealthy accounts stop the wave"
            ),
        ]
    )
}

extension ValueType<RolloutWaves.Size> {
    /// `"5"` accounts or `"10%"` of them.
    fileprivate static var waveSize: ValueType<RolloutWaves.Size> {
        let what = "a number of accounts or a share such as \"10%\""
        return ValueType(
            shape: .mixed(what: what, pattern: "^([1-9][0-9]{0,4}|([1-9][0-9]?|100)%)$"),
            describe: { size in
                switch size {
                case .accounts(let count): "\"\(count)\""
                case .percent(let share): "\"\(share)%\""
                }
            },
            decode: { node, value, context in
                guard let text = context.text(of: node, expected: what) else { return false }
                let isShare = text.hasSuffix("%")
                let digits = isShare ? text.dropLast() : text[...]
                guard digits.utf8.allSatisfy(ScalarText.isDigit), let number = Int(digits), number > 0,
                    number <= (isShare ? 100 : Grammar.maxAccounts)
                else {
                    context.badValue(
                        .badValue,
                        node,
                        "is not the size of a wave",
                        expected: what,
                        help: "from 1 to \(Grammar.maxAccounts), or from 1% to 100%"
                    )
                    return false
                }
                value = isShare ? .percent(number) : .accounts(number)
                return true
            }
        )
    }
}
