/// Right by itself, wrong together.
enum BrokenFilesWholes {
    static let all: [BrokenFile] = [
        BrokenFile(
            "undefinedStrategy",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: {}, scalp: {} }
            accounts: [{ name: a, strategy: swign }]

            """#,
            #"""
            undefinedStrategy.yaml:4:33: error: strategy "swign" is not defined [undefined-strategy]
                4 | accounts: [{ name: a, strategy: swign }]
                  |                                 ^~~~~
                  = expected one of: swing, scalp
                  = did you mean "swing"?

            """#
        ),
        BrokenFile(
            "undefinedDefaultStrategy",
            #"""
            version: 1
            exchange: { environment: simulator }
            defaults: { strategy: swing }
            accounts: [{ name: a }]

            """#,
            #"""
            undefinedDefaultStrategy.yaml:3:23: error: strategy "swing" is not defined [undefined-strategy]
                3 | defaults: { strategy: swing }
                  |                       ^~~~~
                  = expected a name from strategies:, which defines none

            """#
        ),
        BrokenFile(
            "extendsCycle",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies:
              one: { extends: two }
              two: { extends: three }
              three: { extends: one }
            accounts: [{ name: a }]

            """#,
            #"""
            extendsCycle.yaml:6:21: error: strategies extend each other in a circle: one → two → three → one [extends-cycle]
                6 |   three: { extends: one }
                  |                     ^~~

            """#
        ),
        BrokenFile(
            "extendsNothing",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies:
              one: { extends: tow }
              two: {}
            accounts: [{ name: a }]

            """#,
            #"""
            extendsNothing.yaml:4:19: error: strategy "tow" is not defined [undefined-strategy]
                4 |   one: { extends: tow }
                  |                   ^~~
                  = expected one of: one, two
                  = did you mean "two"?

            """#
        ),
        BrokenFile(
            "duplicateName",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: sub-001
              - name: sub-001

            """#,
            #"""
            duplicateName.yaml:5:11: error: duplicate account name "sub-001" [duplicate-name]
                5 |   - name: sub-001
                  |           ^~~~~~~
                  = the first one: duplicateName.yaml:4:11
                  = help: every account has a name of its own

            """#
        ),
        BrokenFile(
            "sameKeyTwice",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                credentials: { api_key: k1, api_secret: s1 }
              - name: b
                credentials: { api_key: k1, api_secret: s2 }

            """#,
            #"""
            sameKeyTwice.yaml:7:5: error: this account has the same API key as account "a" [duplicate-api-key]
                7 |     credentials: { api_key: ********, api_secret: ******** }
                  |     ^~~~~~~~~~~
                  = the other one: sameKeyTwice.yaml:5:5
                  = help: two streams of one account would act on the same positions

            """#
        ),
        BrokenFile(
            "noCredentials",
            #"""
            version: 1
            exchange: { environment: demo }
            accounts:
              - { name: a, enabled: true }
              - { name: b }

            """#,
            #"""
            noCredentials.yaml:4:13: error: "a" has no credentials [missing-secret]
                4 |   - { name: a, enabled: true }
                  |             ^
                  = expected credentials: with api_key and api_secret
            noCredentials.yaml:5:13: warning: "b" has no credentials; it cannot be enabled [missing-secret]
                5 |   - { name: b }
                  |             ^
                  = expected credentials: with api_key and api_secret

            """#
        ),
        BrokenFile(
            "twoSources",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                credentials: { api_key: k, api_key_file: k.key, api_secret: s }

            """#,
            #"""
            twoSources.yaml:5:5: error: the credentials name api_key in 2 ways [secret-source]
                5 |     credentials: { api_key: ********, api_key_file: k.key, api_secret: ******** }
                  |     ^~~~~~~~~~~
                  = expected exactly one of api_key, api_key_file or api_key_credential
                  = one of them: twoSources.yaml:5:29
                  = one of them: twoSources.yaml:5:46

            """#
        ),
        BrokenFile(
            "noSecretAtAll",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                enabled: true
                credentials: { api_key: k }

            """#,
            #"""
            noSecretAtAll.yaml:6:5: error: the credentials name no api_secret [secret-source]
                6 |     credentials: { api_key: ******** }
                  |     ^~~~~~~~~~~
                  = expected one of api_secret, api_secret_file or api_secret_credential

            """#
        ),
        BrokenFile(
            "mistypedSecretIsMasked",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                credentials: { api_key: hunter1, api_secrt: hunter2 }
                enabled: true

            """#,
            #"""
            mistypedSecretIsMasked.yaml:5:38: error: unknown key "api_secrt" in the credentials [unknown-key]
                5 |     credentials: { api_key: ********, api_secrt: ******** }
                  |                                       ^~~~~~~~~
                  = expected one of: api_key, api_key_file, api_key_credential, api_secret, api_secret_file, api_secret_credential
                  = did you mean "api_secret"?

            """#
        ),
        BrokenFile(
            "secretInBrokenYAMLIsMasked",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                credentials: { api_key: hunter1, api_secret: 'hunter2 }

            """#,
            #"""
            secretInBrokenYAMLIsMasked.yaml:5:50: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar [yaml-syntax]
                5 |     credentials: { api_key: ********, api_secret: ********
                  |                                                   ^
                  = help: it is never closed

            """#
        ),
        BrokenFile(
            "secretOfWrongTypeIsMasked",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                credentials: { api_key: [hunter1], api_secret: 12345 }

            """#,
            #"""
            secretOfWrongTypeIsMasked.yaml:5:29: error: api_key: this is a list [wrong-type]
                5 |     credentials: { api_key: ********], api_secret: ******** }
                  |                             ^
                  = expected a text, such as "${NAME}"
            secretOfWrongTypeIsMasked.yaml:5:52: error: api_secret: YAML takes this for a number or a truth value [wrong-type]
                5 |     credentials: { api_key: ********], api_secret: ******** }
                  |                                                    ^~~~~~~~
                  = expected a text
                  = help: put it in quotes

            """#
        ),
        BrokenFile(
            "passwordInURLIsMasked",
            #"""
            version: 1
            exchange:
              environment: demo
              endpoints: { rest: "https://me:hunter2@api.example.com" }
            accounts: []

            """#,
            #"""
            passwordInURLIsMasked.yaml:4:22: error: rest: "https://********@api.example.com" holds a user name [endpoints]
                4 |   endpoints: { rest: "https://********@api.example.com" }
                  |                      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
                  = help: keys belong under credentials:

            """#
        ),
        BrokenFile(
            "unsetVariable",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: "${NO_SUCH_NAME}"
            accounts: [{ name: a }]

            """#,
            #"""
            unsetVariable.yaml:3:11: error: instance: environment variable NO_SUCH_NAME is not set [environment-variable]
                3 | instance: "${NO_SUCH_NAME}"
                  |           ^~~~~~~~~~~~~~~~~
                  = help: set it before starting, or give a default: ${NO_SUCH_NAME:-…}

            """#
        ),
        BrokenFile(
            "valueFromEnvironmentIsNotShown",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: { ping_interval: "${PRIVATE}" }
            accounts: [{ name: a }]

            """#,
            #"""
            valueFromEnvironmentIsNotShown.yaml:3:26: error: ping_interval: "${PRIVATE}" is not a duration [bad-value]
                3 | stream: { ping_interval: "${PRIVATE}" }
                  |                          ^~~~~~~~~~~~
                  = expected a duration from 1s to 9m
                  = help: write one number and one unit (ms, s, m, h, d), as in 250ms or 1.5h

            """#
        ),
        BrokenFile(
            "unclosedReference",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: "${NAME"
            accounts: [{ name: a }]

            """#,
            #"""
            unclosedReference.yaml:3:11: error: instance: "${" is never closed [environment-variable]
                3 | instance: "${NAME"
                  |           ^~~~~~~~
                  = help: write ${NAME}, or $${ for a literal ${

            """#
        ),
        BrokenFile(
            "customWithoutEndpoints",
            #"""
            version: 1
            exchange:
              environment: custom
              endpoints: { rest: https://api.example.com }
            accounts: []

            """#,
            #"""
            customWithoutEndpoints.yaml:3:16: error: environment custom needs all three endpoints; public_ws, private_ws missing [endpoints]
                3 |   environment: custom
                  |                ^~~~~~
                  = expected public_ws, private_ws and rest under endpoints:

            """#
        ),
        BrokenFile(
            "unencryptedEndpoint",
            #"""
            version: 1
            exchange:
              environment: demo
              endpoints:
                public_ws: ws://10.0.0.1/v5/public/linear
                private_ws: http://localhost:8080
            accounts: []

            """#,
            #"""
            unencryptedEndpoint.yaml:5:16: error: public_ws: "ws://10.0.0.1/v5/public/linear" is not encrypted [endpoints]
                5 |     public_ws: ws://10.0.0.1/v5/public/linear
                  |                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
                  = expected wss://; ws:// is accepted for loopback addresses only
            unencryptedEndpoint.yaml:6:17: error: private_ws: "http://localhost:8080" is not a URL of this kind [endpoints]
                6 |     private_ws: http://localhost:8080
                  |                 ^~~~~~~~~~~~~~~~~~~~~
                  = expected a URL beginning with wss:// or ws://

            """#
        ),
        BrokenFile(
            "initialLongerThanMax",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream: { reconnect: { initial: 1m } }
            accounts: [{ name: a }]

            """#,
            #"""
            initialLongerThanMax.yaml:3:33: error: initial (1m) is longer than max (30s) [conflict]
                3 | stream: { reconnect: { initial: 1m } }
                  |                                 ^~

            """#
        ),
        BrokenFile(
            "missingInclude",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - include: missing.yaml

            """#,
            #"""
            missingInclude.yaml:4:14: error: include: "missing.yaml" cannot be read: there is no such file [include]
                4 |   - include: missing.yaml
                  |              ^~~~~~~~~~~~

            """#
        ),
        BrokenFile(
            "missingSecretFile",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                enabled: true
                credentials: { api_key_file: missing.key, api_secret_credential: ../x }

            """#,
            #"""
            missingSecretFile.yaml:6:34: error: api_key_file: "missing.key" cannot be read: there is no such file [missing-secret]
                6 |     credentials: { api_key_file: missing.key, api_secret_credential: ../x }
                  |                                  ^~~~~~~~~~~
            missingSecretFile.yaml:6:70: error: api_secret_credential: "../x" is not the name of a credential [bad-value]
                6 |     credentials: { api_key_file: missing.key, api_secret_credential: ../x }
                  |                                                                      ^~~~
                  = expected a name without "/"
                  = help: for a path use api_secret_file

            """#
        ),
        BrokenFile(
            "allInOneGo",
            #"""
            version: one
            exchange: { environment: simulator, category: spot }
            stream:
              ping_interval: 20
              pong_timeout: 10
            defaults: { strategy: swing, dry_run: maybe }
            accounts:
              - name: sub 1
              - nmae: sub-2

            """#,
            #"""
            allInOneGo.yaml:1:10: error: version: "one" is not a version [wrong-type]
                1 | version: one
                  |          ^~~
                  = expected 1
            allInOneGo.yaml:2:47: error: category: "spot" is not known [unknown-value]
                2 | exchange: { environment: simulator, category: spot }
                  |                                               ^~~~
                  = expected linear or inverse
            allInOneGo.yaml:4:18: error: ping_interval: "20" has no unit [missing-unit]
                4 |   ping_interval: 20
                  |                  ^~
                  = expected a duration from 1s to 9m
                  = help: units are ms, s, m, h and d, as in 250ms, 5s, 10m, 3h, 2d
            allInOneGo.yaml:5:17: error: pong_timeout: "10" has no unit [missing-unit]
                5 |   pong_timeout: 10
                  |                 ^~
                  = expected a duration from 100ms to 5m
                  = help: units are ms, s, m, h and d, as in 250ms, 5s, 10m, 3h, 2d
            allInOneGo.yaml:6:23: error: strategy "swing" is not defined [undefined-strategy]
                6 | defaults: { strategy: swing, dry_run: maybe }
                  |                       ^~~~~
                  = expected a name from strategies:, which defines none
            allInOneGo.yaml:6:39: error: dry_run: "maybe" is not a truth value [wrong-type]
                6 | defaults: { strategy: swing, dry_run: maybe }
                  |                                       ^~~~~
                  = expected true or false
            allInOneGo.yaml:8:11: error: name: "sub 1" holds a character that is not allowed in a name [bad-value]
                8 |   - name: sub 1
                  |           ^~~~~
                  = expected 1 to 63 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit
            allInOneGo.yaml:9:5: error: unknown key "nmae" in an account [unknown-key]
                9 |   - nmae: sub-2
                  |     ^~~~
                  = expected one of: name, enabled, mode, strategy, dry_run, credentials, overrides
                  = did you mean "name"?

            """#
        ),
        BrokenFile(
            "riskyValues",
            #"""
            version: 1
            exchange: { environment: simulator }
            runtime: { http: { listen: "0.0.0.0:9464" } }
            stream:
              connection_budget: { connections: 600 }
              rest_budget: { requests: 200 }
              rest_ban_pause: 1m
            strategies:
              swing:
                trailing_stop: { activation_percent: 1, callback_percent: 2 }
            accounts: []

            """#,
            #"""
            riskyValues.yaml:3:28: warning: everybody who reaches this address can read positions and profits [risky-value]
                3 | runtime: { http: { listen: "0.0.0.0:9464" } }
                  |                            ^~~~~~~~~~~~~~
                  = help: listen on 127.0.0.1 and put a proxy with a password before it
            riskyValues.yaml:5:37: warning: this allows more than 500 connections in 5m [risky-value]
                5 |   connection_budget: { connections: 600 }
                  |                                     ^~~
                  = help: the exchange bans an address that opens more than 500 in 5m
            riskyValues.yaml:6:28: warning: this allows more than 600 requests in 5s [risky-value]
                6 |   rest_budget: { requests: 200 }
                  |                            ^~~
                  = help: the exchange bans an address that sends more than 600 in 5s
            riskyValues.yaml:7:19: warning: the exchange lifts a ban after 10m without any request [risky-value]
                7 |   rest_ban_pause: 1m
                  |                   ^~
                  = help: asking earlier prolongs it
            riskyValues.yaml:10:63: warning: callback_percent (2) is more than activation_percent (1) [conflict]
               10 |     trailing_stop: { activation_percent: 1, callback_percent: 2 }
                  |                                                               ^
                  = help: the first stop would stand on the losing side of entry
            riskyValues.yaml:11:1: warning: there are no accounts: nothing will run [no-accounts]
               11 | accounts: []
                  | ^~~~~~~~

            """#
        ),
        BrokenFile(
            "sharedOutput",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies: { swing: { sinks: [{ jsonl: { path: events.jsonl } }] } }
            defaults: { strategy: swing, enabled: true }
            accounts:
              - name: a
              - name: b
              - name: c

            """#,
            #"""
            sharedOutput.yaml:7:11: warning: a sink of this account writes to the same path as account "a" (3 accounts in all) [shared-output]
                7 |   - name: b
                  |           ^
                  = help: put {account} into the path

            """#
        ),
        BrokenFile(
            "noStrategy",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - { name: a, enabled: true }
              - { name: b, enabled: true }

            """#,
            #"""
            noStrategy.yaml:4:13: warning: this account and 1 more have no strategy: they are watched, and nothing protects their positions [no-strategy]
                4 |   - { name: a, enabled: true }
                  |             ^
                  = help: name one under strategy:, here or in defaults:

            """#
        ),
    ]
}
