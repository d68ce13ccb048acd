/// A file that must be accepted as it stands.
struct ContractExample: Sendable {
    let text: String
}

/// Files that use every key there is.
enum ContractExamples {
    /// The repository.
    static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

    static let all = [
        ContractExample(text: whole), ContractExample(text: simulatorHeader + rollout + "accounts: []\n"),
        ContractExample(text: simulatorHeader + consumers + "accounts: [{ name: a, strategy: swing }]\n"),
    ]

    static let whole = #"""
        version: 1
        instance: default                    # name of this daemon; several may run on one host

        exchange:
          environment: simulator             # simulator | demo | testnet | mainnet | custom
          category: linear                   # linear | inverse
          settle_coins: [USDT, USDC]         # what a position sweep covers (linear)
          endpoints:                         # all three with `custom`; any of them overrides the environment's own
            public_ws: wss://stream.bybit.com/v5/public/linear
            private_ws: wss://stream.bybit.com/v5/private
            rest: https://api.bybit.com
          tls: { ca_file: /etc/ssl/certs/ca-certificates.crt }   # optional extra trust root
          # ws:// and http:// endpoints are accepted for loopback addresses only

        runtime:
          state_dir: ~/.local/state/bybitctl # default; root: /var/lib/bybitctl
          http: { listen: 127.0.0.1:9464 }   # metrics, health, dashboard; `http: off` disables
          log: { level: info, format: auto } # auto = text on a terminal, JSON otherwise
          threads: 2                         # event loops; default: number of cores

        stream:                              # every key optional; the values shown are the defaults
          ping_interval: 20s
          pong_timeout: 10s
          connect_timeout: 10s
          auth_timeout: 10s
          reconnect: { initial: 500ms, max: 30s }        # exponential, full jitter
          connection_budget: { connections: 400, per: 5m }   # every attempt counts, also refused ones; the exchange bans at 500
          rest_budget: { requests: 100, per: 1s }            # of this process; the exchange bans an address at 600 per 5 s
          rest_ban_pause: 10m                # after a 403: no REST at all, then one probe
          ticker_stale_after: 10s            # no frame for a held symbol → stale → recovery
          ticker_linger: 5s                  # keep a symbol this long after its last holder left
          reconcile_interval: 60s            # REST sweep against the book while all is well
          rest_poll_interval: 5s             # modes rest, canary, parallel, cutover, and fallback
          fallback_after: 30s                # a dead stream this long → REST polling drives the account until it is back

        rollout:                             # see rollout.md
          gates: {}
          auto_rollback: true

        defaults:                            # what an account does not say itself
          enabled: false
          mode: canary                       # rest | canary | parallel | cutover | hybrid
          strategy: swing
          dry_run: true                      # consumers decide, nothing is sent

        strategies:
          swing:
            position_manager: { stop_loss_percent: 4, unprotected_alert_after: 30s }
            trailing_stop:                   # see consumers.md
              activation_percent: 2.0
              callback_percent: 0.5
            aged_monitor: { max_age: 3h }
            sinks:
              - jsonl: { path: "events/{account}.jsonl", rotate: 100MB, keep: 10 }   # "-" is the daemon's standard output
              - exec: { command: ["./my-consumer.py", "--account", "{account}"] }   # JSON Lines on its standard input

        accounts:
          - name: sub-001                    # [a-z0-9][a-z0-9._-]{0,62}, unique
            enabled: true
            mode: hybrid
            strategy: swing
            credentials: { api_key: "${SUB001_KEY}", api_secret: "${SUB001_SECRET}" }
          - name: sub-002
            credentials: { api_key_file: keys/sub-002.key, api_secret_file: keys/sub-002.secret }   # disabled: a warning
          - include: accounts.d/*.yaml
        """#

    static let rollout = #"""
        rollout:
          auto_rollback: true
          gates:
            canary:   { soak: 10m, min_updates_per_second: 1, max_update_age: 10s, max_failed_connects: 0 }
            parallel: { soak: 30m, min_agreement_percent: 99.9, agreement_within_percent: 0.1, max_divergence_percent: 1 }
            cutover:  { soak: 4h, steps: [50, 100] }        # and the parallel gates
          rollback_when: { both_down: 5m, no_event: 5m, subscription_failures_per_hour: 10, max_divergence_percent: 1 }
          waves: { sizes: ["1", "10%", "50%", "100%"], soak: 15m, max_unhealthy: 0 }

        """#

    static let consumers = #"""
        strategies:
          swing:
            position_manager:
              stop_loss_percent: 4
              unprotected_alert_after: 30s
              stop_trigger_by: MarkPrice
            trailing_stop:
              activation_percent: 2.0
              callback_percent: 0.5
              breakeven_percent: 0.5
              execution: managed
              min_update_interval: 30s
              min_improvement_percent: 0.05
              urgent_improvement_percent: 1.0
              trigger_by: MarkPrice
            aged_monitor:
              max_age: 3h
              grace_period: 3h
              loss_step_percent: 0.5
              max_loss_percent: 10
              commission_percent: 0.05
              close_with: market
              skip_while_trailing: true
            sinks:
              - jsonl: { path: "a/{account}.jsonl", rotate: 100MB, keep: 10, fsync: lifecycle }
              - exec: { command: [cat], restart: { initial: 500ms, max: 30s }, stop_timeout: 5s }
              - socket: { path: "~/{account}.sock" }

        """#

    static let consumerDefaults: [(String, [String])] = [
        (
            "position_manager",
            [
                "stop_loss_percent=4",
                "unprotected_alert_after=30s",
                "stop_trigger_by=MarkPrice",
            ]
        ),
        (
            "trailing_stop",
            [
                "activation_percent=2",
                "callback_percent=0.5",
                "breakeven_percent=0.5",
                "execution=managed",
                "min_update_interval=30s",
                "min_improvement_percent=0.05",
                "urgent_improvement_percent=1",
                "trigger_by=MarkPrice",
            ]
        ),
        (
            "aged_monitor",
            [
                "max_age=3h",
                "grace_period=3h",
                "loss_step_percent=0.5",
                "max_loss_percent=10",
                "commission_percent=0.05",
                "close_with=market",
                "limit_offset_percent=0.1",
                "skip_while_trailing=true",
            ]
        ),
    ]
}
