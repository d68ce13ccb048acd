/// Wrong keys and values.
enum BrokenFilesValues {
    static let all: [BrokenFile] = [
        BrokenFile(
            "unknownKey",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies:
              swing:
                positon_manager: { stop_loss_percent: 4 }
            accounts: [{ name: a }]

            """#,
            #"""
            unknownKey.yaml:5:5: error: unknown key "positon_manager" in a strategy [unknown-key]
                5 |     positon_manager: { stop_loss_percent: 4 }
                  |     ^~~~~~~~~~~~~~~
                  = expected one of: extends, position_manager, trailing_stop, aged_monitor, sinks
                  = did you mean "position_manager"?

            """#
        ),
        BrokenFile(
            "unknownKeyWithoutNeighbour",
            #"""
            version: 1
            exchange: { environment: simulator }
            runtime: { colour: true }
            accounts: [{ name: a }]

            """#,
            #"""
            unknownKeyWithoutNeighbour.yaml:3:12: error: unknown key "colour" in the runtime [unknown-key]
                3 | runtime: { colour: true }
                  |            ^~~~~~
                  = expected one of: state_dir, http, log, threads

            """#
        ),
        BrokenFile(
            "missingKeys",
            #"""
            version: 1
            accounts:
              - enabled: true

            """#,
            #"""
            missingKeys.yaml:1:1: error: the file needs the key "exchange" [missing-key]
                1 | version: 1
                  | ^
                  = help: which exchange, and where it is
            missingKeys.yaml:3:5: error: an account needs the key "name" [missing-key]
                3 |   - enabled: true
                  |     ^
                  = help: unique; what every command calls it

            """#
        ),
        BrokenFile(
            "wrongVersion",
            #"""
            version: 2
            exchange: { environment: simulator }
            accounts: [{ name: a }]

            """#,
            #"""
            wrongVersion.yaml:1:10: error: version: "2" is not a version this bybitctl reads [unsupported-version]
                1 | version: 2
                  |          ^
                  = expected 1

            """#
        ),
        BrokenFile(
            "yesIsNoTruthValue",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: a, enabled: yes }]

            """#,
            #"""
            yesIsNoTruthValue.yaml:3:32: error: enabled: "yes" is not a truth value [wrong-type]
                3 | accounts: [{ name: a, enabled: yes }]
                  |                                ^~~
                  = expected true or false
                  = did you mean "true"?

            """#
        ),
        BrokenFile(
            "quotedTruthValue",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: a, enabled: "true" }]

            """#,
            #"""
            quotedTruthValue.yaml:3:32: error: enabled: "true" is not a truth value [wrong-type]
                3 | accounts: [{ name: a, enabled: "true" }]
                  |                                ^~~~~~
                  = expected true or false
                  = help: remove the quotes

            """#
        ),
        BrokenFile(
            "offWhereItMeansNothing",
            #"""
            version: 1
            exchange: { environment: simulator }
            runtime: { log: off }
            accounts: [{ name: a }]

            """#,
            #"""
            offWhereItMeansNothing.yaml:3:17: error: log: this is the text "off" [wrong-type]
                3 | runtime: { log: off }
                  |                 ^~~
                  = expected the log: a mapping of key: value

            """#
        ),
        BrokenFile(
            "durationWithoutUnit",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream:
              ping_interval: 20
            accounts: [{ name: a }]

            """#,
            #"""
            durationWithoutUnit.yaml:4:18: error: ping_interval: "20" has no unit [missing-unit]
                4 |   ping_interval: 20
                  |                  ^~
                  = expected a duration from 1s to 9m
                  = help: units are ms, s, m, h and d, as in 250ms, 5s, 10m, 3h, 2d

            """#
        ),
        BrokenFile(
            "durationNobodyReads",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: { pong_timeout: 10sec }
            accounts: [{ name: a }]

            """#,
            #"""
            durationNobodyReads.yaml:3:25: error: pong_timeout: "10sec" is not a duration [bad-value]
                3 | stream: { pong_timeout: 10sec }
                  |                         ^~~~~
                  = expected a duration from 100ms to 5m
                  = help: write one number and one unit (ms, s, m, h, d), as in 250ms or 1.5h

            """#
        ),
        BrokenFile(
            "durationOutOfRange",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: { ping_interval: 10m }
            accounts: [{ name: a }]

            """#,
            #"""
            durationOutOfRange.yaml:3:26: error: ping_interval: "10m" is out of range [out-of-range]
                3 | stream: { ping_interval: 10m }
                  |                          ^~~
                  = expected a duration from 1s to 9m
                  = help: the exchange cuts a silent connection after 10m

            """#
        ),
        BrokenFile(
            "percentSign",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { position_manager: { stop_loss_percent: 4% } } }
            accounts: [{ name: a }]

            """#,
            #"""
            percentSign.yaml:3:63: error: stop_loss_percent: "4%" is not a number [wrong-type]
                3 | strategies: { swing: { position_manager: { stop_loss_percent: 4% } } }
                  |                                                               ^~
                  = expected a number from 0.001 to 90, or 0
                  = help: leave the % out: the key ends in _percent

            """#
        ),
        BrokenFile(
            "percentOutOfRange",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { trailing_stop: { callback_percent: 75 } } }
            accounts: [{ name: a }]

            """#,
            #"""
            percentOutOfRange.yaml:3:59: error: callback_percent: "75" is out of range [out-of-range]
                3 | strategies: { swing: { trailing_stop: { callback_percent: 75 } } }
                  |                                                           ^~
                  = expected a number from 0.001 to 50

            """#
        ),
        BrokenFile(
            "quotedNumber",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: { connection_budget: { connections: "400" } }
            accounts: [{ name: a }]

            """#,
            #"""
            quotedNumber.yaml:3:45: error: connections: "400" is not a whole number [wrong-type]
                3 | stream: { connection_budget: { connections: "400" } }
                  |                                             ^~~~~
                  = expected a whole number from 1 to 100,000
                  = help: remove the quotes

            """#
        ),
        BrokenFile(
            "unknownMode",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                mode: hybird

            """#,
            #"""
            unknownMode.yaml:5:11: error: mode: "hybird" is not known [unknown-value]
                5 |     mode: hybird
                  |           ^~~~~~
                  = expected rest, canary, parallel, cutover or hybrid
                  = did you mean "hybrid"?

            """#
        ),
        BrokenFile(
            "unknownEnvironment",
            #"""
            version: 1
            exchange: { environment: production }
            accounts: [{ name: a }]

            """#,
            #"""
            unknownEnvironment.yaml:2:26: error: environment: "production" is not known [unknown-value]
                2 | exchange: { environment: production }
                  |                          ^~~~~~~~~~
                  = expected simulator, demo, testnet, mainnet or custom

            """#
        ),
        BrokenFile(
            "numberAsName",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: 001 }]

            """#,
            #"""
            numberAsName.yaml:3:20: error: name: this is the number 001 [wrong-type]
                3 | accounts: [{ name: 001 }]
                  |                    ^~~
                  = expected a name as a text
                  = help: put it in quotes: "001"

            """#
        ),
        BrokenFile(
            "badName",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: Main }]

            """#,
            #"""
            badName.yaml:3:20: error: name: "Main" begins with a character that a name cannot begin with [bad-value]
                3 | accounts: [{ name: Main }]
                  |                    ^~~~
                  = expected 1 to 63 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit

            """#
        ),
        BrokenFile(
            "listInsteadOfMapping",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: [20s]
            accounts: [{ name: a }]

            """#,
            #"""
            listInsteadOfMapping.yaml:3:9: error: stream: this is a list [wrong-type]
                3 | stream: [20s]
                  |         ^
                  = expected the stream: a mapping of key: value

            """#
        ),
        BrokenFile(
            "mappingInsteadOfText",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: { name: main }
            accounts: [{ name: a }]

            """#,
            #"""
            mappingInsteadOfText.yaml:3:11: error: instance: this is a mapping [wrong-type]
                3 | instance: { name: main }
                  |           ^
                  = expected a name

            """#
        ),
        BrokenFile(
            "sizeWithoutUnit",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { sinks: [jsonl: { path: a, rotate: 100 }] } }
            accounts: [{ name: a }]

            """#,
            #"""
            sizeWithoutUnit.yaml:3:58: error: rotate: "100" has no unit [missing-unit]
                3 | strategies: { swing: { sinks: [jsonl: { path: a, rotate: 100 }] } }
                  |                                                          ^~~
                  = expected a size with its unit, such as 500kB, 100MB or 1GiB, from 1kB to 1000GB

            """#
        ),
        BrokenFile(
            "unknownSink",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { sinks: [{ json: { path: a } }] } }
            accounts: [{ name: a }]

            """#,
            #"""
            unknownSink.yaml:3:34: error: unknown kind of sink "json" [unknown-key]
                3 | strategies: { swing: { sinks: [{ json: { path: a } }] } }
                  |                                  ^~~~
                  = expected jsonl, exec or socket
                  = did you mean "jsonl"?

            """#
        ),
        BrokenFile(
            "twoSinksInOne",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies:
              swing:
                sinks:
                  - jsonl: { path: "{account}" }
                    socket: { path: "{account}" }
            accounts: [{ name: a }]

            """#,
            #"""
            twoSinksInOne.yaml:6:9: error: a sink has exactly one key [bad-value]
                6 |       - jsonl: { path: "{account}" }
                  |         ^
                  = expected jsonl:, exec: or socket:
                  = help: begin each sink with "- "

            """#
        ),
        BrokenFile(
            "unknownPlaceholder",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { sinks: [socket: { path: "{acount}.sock" }] } }
            accounts: [{ name: a }]

            """#,
            #"""
            unknownPlaceholder.yaml:3:48: error: path: "{acount}.sock" holds an unknown placeholder {acount} [unknown-placeholder]
                3 | strategies: { swing: { sinks: [socket: { path: "{acount}.sock" }] } }
                  |                                                ^~~~~~~~~~~~~~~
                  = expected {account}, the account's name
                  = did you mean "{account}"?

            """#
        ),
        BrokenFile(
            "stepsNotRising",
            #"""
            version: 1
            exchange: { environment: simulator }
            rollout: { gates: { cutover: { steps: [50, 40] } } }
            accounts: [{ name: a }]

            """#,
            #"""
            stepsNotRising.yaml:3:39: error: steps: these do not rise to 100 [bad-value]
                3 | rollout: { gates: { cutover: { steps: [50, 40] } } }
                  |                                       ^
                  = expected rising numbers, the last one 100, as in [50, 100]

            """#
        ),
        BrokenFile(
            "waveTooLarge",
            #"""
            version: 1
            exchange: { environment: simulator }
            rollout: { waves: { sizes: ["1", "120%"] } }
            accounts: [{ name: a }]

            """#,
            #"""
            waveTooLarge.yaml:3:34: error: sizes: "120%" is not the size of a wave [bad-value]
                3 | rollout: { waves: { sizes: ["1", "120%"] } }
                  |                                  ^~~~~~
                  = expected a number of accounts or a share such as "10%"
                  = help: from 1 to 10000, or from 1% to 100%

            """#
        ),
        BrokenFile(
            "badListenAddress",
            #"""
            version: 1
            exchange: { environment: simulator }
            runtime: { http: { listen: 9464 } }
            accounts: [{ name: a }]

            """#,
            #"""
            badListenAddress.yaml:3:28: error: listen: "9464" is not an address with a port [bad-value]
                3 | runtime: { http: { listen: 9464 } }
                  |                            ^~~~
                  = expected address:port, such as 127.0.0.1:9464 or [::1]:9464

            """#
        ),
        BrokenFile(
            "tabsAndWideCharacters",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: main\#t# größer, 漢字
            accounts: [{ name: a, "漢字": 1 }]

            """#,
            #"""
            tabsAndWideCharacters.yaml:4:23: error: unknown key "漢字" in an account [unknown-key]
                4 | accounts: [{ name: a, "漢字": 1 }]
                  |                       ^~~~
                  = expected one of: name, enabled, mode, strategy, dry_run, credentials, overrides

            """#
        ),
    ]
}
