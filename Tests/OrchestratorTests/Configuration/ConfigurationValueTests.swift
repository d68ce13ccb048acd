import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ConfigurationValueTests {
    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("5s", .seconds(5)), ("10m", .seconds(600)), ("3h", .seconds(10_800)),
        ("2d", .seconds(172_800)), ("1.5s", .milliseconds(1_500)), ("0.25ms", .microseconds(250)), ("0s", .zero),
        ("0.000000001s", .nanoseconds(1)),
    ])
    func durationsAreExact(_ text: String, _ expected: Duration) {
        #expect(DurationText.duration(text) == expected)
    }

    @Test(arguments: [
        "", "5", "s", "5 s", "5S", "-5s", "+5s", "5.s", ".5s", "1h30m", "1e3s", "5us", "0.1ns", "99999999999d",
    ])
    func otherTextsAreNoDurations(_ text: String) {
        #expect(DurationText.duration(text) == nil)
    }

    @Test(arguments: ["250ms", "20s", "1500ms", "9m", "3h", "2d", "0s", "0.25ms"])
    func durationsAreWrittenAsTheyAreRead(_ text: String) throws {
        #expect(DurationText.text(try #require(DurationText.duration(text))) == text)
    }

    @Test(arguments: [
        ("100MB", 100_000_000), ("1kB", 1_000), ("1KB", 1_000), ("1KiB", 1_024), ("1.5GB", 1_500_000_000), ("7B", 7),
        ("2GiB", 2_147_483_648),
    ])
    func sizesHaveUnits(_ text: String, _ expected: Int) {
        #expect(SizeText.bytes(text) == expected)
    }

    @Test(arguments: ["", "100", "MB", "1.5B", "-1MB", "1mb", "1 MB", "99999999999999999999GB"])
    func otherTextsAreNoSizes(_ text: String) {
        #expect(SizeText.bytes(text) == nil)
    }

    @Test(arguments: [
        ("plain", "plain"), ("${A}", "one"), ("x${A}y${B}z", "xoneytwoz"), ("${NONE:-d}", "d"), ("${EMPTY:-d}", "d"),
        ("${A:-d}", "one"), ("${NONE:-}", ""), ("${EMPTY}", ""), ("$${A}", "${A}"), ("$5 $A", "$5 $A"), ("$$", "$$"),
    ])
    func variablesAreExpanded(_ text: String, _ expected: String) {
        let environment = ["A": "one", "B": "two", "EMPTY": ""]
        #expect(EnvironmentExpansion.expand(text, environment: environment) == .success(expected))
    }

    @Test(arguments: ["${NONE}", "${A", "${}", "${1A}", "${A-B}", "${A:?x}", "${A B}"])
    func badReferencesAreRefused(_ text: String) {
        guard case .failure = EnvironmentExpansion.expand(text, environment: ["A": "one"]) else {
            Issue.record("\(text) was accepted")
            return
        }
    }

    @Test(arguments: [
        ("${A}", false), ("${A}${B}", false), ("x", true), ("${A}x", true), ("${A:-x}", true), ("${A:-}", false),
        ("$A", true),
    ])
    func literalsAreToldFromReferences(_ text: String, _ isLiteral: Bool) {
        #expect(EnvironmentExpansion.isLiteral(text) == isLiteral)
    }

    @Test(arguments: [
        (
            "wss://stream.bybit.com/v5/private?max_active_time=10m",
            "wss://stream.bybit.com/v5/private?max_active_time=10m"
        ),
        ("ws://127.0.0.1:8080/v5/private", "ws://127.0.0.1:8080/v5/private"), ("ws://127.9.9.9", "ws://127.9.9.9"),
        ("ws://[::1]:99/a", "ws://[::1]:99/a"), ("ws://localhost:1", "ws://localhost:1"),
        ("WSS://x:443/a", "wss://x/a"),
    ])
    func endpointsAreParsed(_ text: String, _ expected: String) throws {
        let url = try EndpointURL.parse(text, allowed: [.wss, .ws]).get()
        #expect(url.description == expected)
    }

    @Test(arguments: [
        "ws://example.com", "ws://127.0.0.1.evil.com", "ws://128.0.0.1", "ws://127.1", "ws://[::2]", "http://localhost",
        "wss://",
        "wss://a b", "wss://a:0", "wss://a:70000", "wss://a:+1", "wss://u@a", "a.b", "wss://[::1", "wss://a/#x",
        "wss://a/ b",
    ])
    func otherEndpointsAreRefused(_ text: String) {
        guard case .failure = EndpointURL.parse(text, allowed: [.wss, .ws]) else {
            Issue.record("\(text) was accepted")
            return
        }
    }

    @Test(arguments: [
        ("positon_manager", "position_manager"), ("Trailing-Stop", "trailing_stop"), ("aged", nil), ("sink", "sinks"),
        ("zzz", nil),
        ("", nil),
    ])
    func suggestionsAreNear(_ word: String, _ expected: String?) {
        let keys = ["extends", "position_manager", "trailing_stop", "aged_monitor", "sinks"]
        #expect(Suggestion.nearest(to: word, among: keys) == expected)
    }

    @Test(arguments: [
        ("api_secret", true), ("api_secert", true), ("apiKey", true), ("API-KEY", true), ("password", true),
        ("api_key_file", false),
        ("api_secret_credential", false), ("name", false), ("strategy", false), ("keep", false), ("path", false),
        ("rest", false),
    ])
    func keysOfSecretsAreRecognised(_ key: String, _ isSecret: Bool) {
        #expect(Secrecy.isSecretKey(key) == isSecret)
    }
}
