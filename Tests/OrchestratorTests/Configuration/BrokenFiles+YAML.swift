/// Broken as YAML.
enum BrokenFilesYAML {
    static let all: [BrokenFile] = [
        BrokenFile(
            "tabIndentation",
            #"""
            version: 1
            exchange:
            \#tenvironment: simulator

            """#,
            #"""
            tabIndentation.yaml:3:1: error: not valid YAML: found character that cannot start any token while scanning for the next token [yaml-syntax]
                3 | \#tenvironment: simulator
                  | ^
                  = help: indent with spaces, YAML does not allow tabs

            """#
        ),
        BrokenFile(
            "unclosedBracket",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: a }

            """#,
            #"""
            unclosedBracket.yaml:3:11: error: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence [yaml-syntax]
                3 | accounts: [{ name: a }
                  |           ^
                  = help: close the bracket, or put a comma between the items

            """#
        ),
        BrokenFile(
            "unclosedQuote",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: "main
            accounts: []

            """#,
            #"""
            unclosedQuote.yaml:3:11: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar [yaml-syntax]
                3 | instance: "main
                  |           ^
                  = help: it is never closed

            """#
        ),
        BrokenFile(
            "bracesInFlow",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: ${NAME} }]

            """#,
            #"""
            bracesInFlow.yaml:3:21: error: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping [yaml-syntax]
                3 | accounts: [{ name: ${NAME} }]
                  |                     ^
                  = it begins here: bracesInFlow.yaml:3:12
                  = help: between brackets put a text with { in quotes: "${NAME}", "{account}"

            """#
        ),
        BrokenFile(
            "badIndentation",
            #"""
            version: 1
            exchange: { environment: simulator }
            stream:
              ping_interval: 20s
               pong_timeout: 10s
            accounts: []

            """#,
            #"""
            badIndentation.yaml:5:16: error: not valid YAML: mapping values are not allowed in this context [yaml-syntax]
                5 |    pong_timeout: 10s
                  |                ^
                  = help: check the indentation, or put a value that contains ": " in quotes

            """#
        ),
        BrokenFile(
            "colonInPlainText",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a: b

            """#,
            #"""
            colonInPlainText.yaml:4:12: error: not valid YAML: mapping values are not allowed in this context [yaml-syntax]
                4 |   - name: a: b
                  |            ^
                  = help: check the indentation, or put a value that contains ": " in quotes

            """#
        ),
        BrokenFile(
            "duplicateKey",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - name: a
                enabled: true
                name: b

            """#,
            #"""
            duplicateKey.yaml:6:5: error: duplicate key "name" [duplicate-key]
                6 |     name: b
                  |     ^~~~
                  = the first one: duplicateKey.yaml:4:5
                  = help: remove one of the two

            """#
        ),
        BrokenFile(
            "undefinedAlias",
            #"""
            version: 1
            exchange: { environment: simulator }
            defaults: &base { enabled: true }
            accounts:
              - { name: a, credentials: *bose }

            """#,
            #"""
            undefinedAlias.yaml:5:29: error: alias "*bose" has no anchor before it [yaml-undefined-alias]
                5 |   - { name: a, credentials: *bose }
                  |                             ^~~~~
                  = did you mean "*base"?

            """#
        ),
        BrokenFile(
            "recursiveAlias",
            #"""
            version: 1
            exchange: { environment: simulator }
            strategies:
              swing: &s
                aged_monitor: *s
            accounts: [{ name: a }]

            """#,
            #"""
            recursiveAlias.yaml:5:19: error: alias "*s" stands inside the node it names, which would never end [yaml-recursive-alias]
                5 |     aged_monitor: *s
                  |                   ^~
                  = the anchor: recursiveAlias.yaml:4:10

            """#
        ),
        BrokenFile(
            "severalDocuments",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: a }]
            ---
            version: 1

            """#,
            #"""
            severalDocuments.yaml:4:1: error: a second YAML document begins here; one file is one document [yaml-multiple-documents]
                4 | ---
                  | ^
                  = help: remove the "---", or move the part below it to a file of its own and include: it

            """#
        ),
        BrokenFile(
            "customTag",
            #"""
            version: 1
            exchange: { environment: simulator }
            instance: !name main
            accounts: [{ name: a }]

            """#,
            #"""
            customTag.yaml:3:11: error: YAML tags such as "!name" are not used here [yaml-tag]
                3 | instance: !name main
                  |           ^
                  = help: leave the tag out; put a text in quotes

            """#
        ),
        BrokenFile(
            "listAsKey",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts: [{ name: a }]
            [a, b]: 1

            """#,
            #"""
            listAsKey.yaml:4:1: error: a key must be a plain word, not a list, a mapping or an alias [yaml-key-type]
                4 | [a, b]: 1
                  | ^

            """#
        ),
        BrokenFile(
            "mergeOfText",
            #"""
            version: 1
            exchange: { environment: simulator }
            accounts:
              - { <<: base, name: a }

            """#,
            #"""
            mergeOfText.yaml:4:11: error: "<<" merges mappings, this is the text "base" [yaml-merge-key]
                4 |   - { <<: base, name: a }
                  |           ^
                  = expected an alias of a mapping, or a list of such aliases

            """#
        ),
        BrokenFile(
            "emptyFile",
            #"""
            # nothing yet

            """#,
            #"""
            emptyFile.yaml:1:1: error: the file is empty [empty-file]
                1 | # nothing yet
                  | ^
                  = help: bybitctl schema describes what belongs in it

            """#
        ),
        BrokenFile(
            "notAMapping",
            #"""
            - name: a

            """#,
            #"""
            notAMapping.yaml:1:1: error: file: this is a list [wrong-type]
                1 | - name: a
                  | ^
                  = expected a mapping with version:, exchange: and accounts:

            """#
        ),
        BrokenFile(
            "nulByte",
            #"""
            version: 1
            exchange: { environment: \#0 }

            """#,
            #"""
            nulByte.yaml:2:26: error: not valid YAML: control characters are not allowed [yaml-syntax]
                2 | exchange: { environment: � }
                  |                          ^
                  = help: remove the invisible character

            """#
        ),
    ]
}
