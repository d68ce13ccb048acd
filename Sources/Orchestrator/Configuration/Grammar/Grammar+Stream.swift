extension Grammar {
    static let stream = ObjectDescription(
        "stream",
        title: "the stream",
        doc: "Timing and budgets of the connections.",
        defaults: StreamConfiguration(),
        fields: [
            FieldDescription(
                "ping_interval",
                \.pingInterval,
                .duration(
                    .seconds(1)...DurationText.minutes(9),
                    why: "the exchange cuts a silent connection after 10m"
                ),
                "how often a connection is pinged"
            ),
            FieldDescription(
                "pong_timeout",
                \.pongTimeout,
                .duration(Grammar.timeouts),
                "nothing came back for this long: reconnect"
            ),
            FieldDescription(
                "connect_timeout",
                \.connectTimeout,
                .duration(Grammar.timeouts),
                "TCP, TLS and WebSocket handshake"
            ),
            FieldDescription("auth_timeout", \.authTimeout, .duration(Grammar.timeouts), "reply to the login"),
            FieldDescription("reconnect", \.reconnect, .object(Grammar.backoff), "waits between attempts"),
            FieldDescription(
                "connection_budget",
                \.connectionBudget,
                .object(Grammar.connectionBudget),
                "every attempt counts, also refused ones; the exchange bans at 500 per 5m"
            ),
            FieldDescription(
                "rest_budget",
                \.restBudget,
                .object(Grammar.restBudget),
                "of this process; the exchange bans an address at 600 per 5s"
            ),
            FieldDescription(
                "rest_ban_pause",
                \.restBanPause,
                .duration(.seconds(1)...DurationText.days(1)),
                "after a 403: no REST at all for this long, then one probe"
            ),
            FieldDescription(
                "ticker_stale_after",
                \.tickerStaleAfter,
                .duration(.milliseconds(100)...DurationText.hours(1)),
                "no frame for a held symbol for this long: stale, then recovery"
            ),
            FieldDescription(
                "ticker_linger",
                \.tickerLinger,
                .duration(.zero...DurationText.hours(1)),
                "a symbol stays subscribed this long after its last holder left"
            ),
            FieldDescription(
                "reconcile_interval",
                \.reconcileInterval,
                .duration(.seconds(1)...DurationText.days(1)),
                "REST sweep against the book while all is well"
            ),
            FieldDescription(
                "rest_poll_interval",
                \.restPollInterval,
                .duration(.milliseconds(100)...DurationText.hours(1)),
                "polling in the modes rest, canary, parallel and cutover, and in fallback"
            ),
            FieldDescription(
                "fallback_after",
                \.fallbackAfter,
                .duration(.milliseconds(100)...DurationText.days(1)),
                "a stream dead for this long: REST polling drives the account until it is back"
            ),
        ],
        check: Grammar.checkStream
    )

    private static let timeouts = Duration.milliseconds(100)...DurationText.minutes(5)

    static let backoff = ObjectDescription(
        "backoff",
        title: "the waits",
        doc: "Exponential, with full jitter.",
        defaults: BackoffConfiguration(),
        fields: [
            FieldDescription(
                "initial",
                \.initial,
                .duration(.milliseconds(10)...DurationText.minutes(10)),
                "first wait at most this"
            ),
            FieldDescription(
                "max",
                \.max,
                .duration(.milliseconds(10)...DurationText.hours(1)),
                "later waits at most this"
            ),
        ],
        check: { node, backoff, context in
            guard backoff.initial > backoff.max else { return }
            context.log.error(
                .conflict,
                node.span(of: "initial"),
                "initial (\(DurationText.text(backoff.initial))) is longer than max (\(DurationText.text(backoff.max)))"
            )
        }
    )

    static let connectionBudget = ObjectDescription(
        "connection_budget",
        title: "the connection budget",
        doc: "WebSocket connection attempts.",
        defaults: ConnectionBudget(),
        fields: [
            FieldDescription("connections", \.connections, .integer(1...100_000), "attempts …"),
            FieldDescription("per", \.per, .duration(.seconds(1)...DurationText.days(1)), "… in this time"),
        ],
        check: { node, budget, context in
            // What could fall into the exchange's window at worst.
            let windows = budget.per >= .seconds(300) ? 1 : Int((300 / (budget.per / .seconds(1))).rounded(.up))
            guard budget.connections * windows > 500 else { return }
            context.log.warning(
                .risky,
                node.span(of: "connections"),
                "this allows more than 500 connections in 5m",
                help: "the exchange bans an address that opens more than 500 in 5m"
            )
        }
    )

    static let restBudget = ObjectDescription(
        "rest_budget",
        title: "the REST budget",
        doc: "REST requests.",
        defaults: RESTBudget(),
        fields: [
            FieldDescription("requests", \.requests, .integer(1...100_000), "requests …"),
            FieldDescription("per", \.per, .duration(.milliseconds(100)...DurationText.hours(1)), "… in this time"),
        ],
        check: { node, budget, context in
            let windows = budget.per >= .seconds(5) ? 1 : Int((5 / (budget.per / .seconds(1))).rounded(.up))
            guard budget.requests * windows > 600 else { return }
            context.log.warning(
                .risky,
                node.span(of: "requests"),
                "this allows more than 600 requests in 5s",
                help: "the exchange bans an address that sends more than 600 in 5s"
            )
        }
    )

    @Sendable
    private static func checkStream(_ node: YAMLNode, _ stream: StreamConfiguration, _ context: DecodingContext) {
        if stream.restBanPause < .seconds(600) {
            context.log.warning(
                .risky,
                node.span(of: "rest_ban_pause"),
                "the exchange lifts a ban after 10m without any request",
                help: "asking earlier prolongs it"
            )
        }
    }
}
