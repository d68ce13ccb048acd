import Glibc
import HybridStream

@testable import Orchestrator

// An accounts file. `%%` on a line of its own begins a second file that can be included, and a third that holds a secret.
// A line `#x300` repeats the next one 300 times and `#c300` does so without line breaks; `@` in it becomes the number of
// the copy. So a short input can be a long file.
//
// What must hold: an answer in bounded time and memory, with reasons exactly if there is no configuration; messages that
// are short lines about places that exist; no secret in any of them; and a configuration that keeps its own rules.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfigurationFiles(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    grammar
    let files = inputBytes(start, count).pieces(separatedBy: "\n%%\n").prefix(3).map { Amplified(Array($0)).bytes }
    FileAccess.files = [:]
    for (name, bytes) in zip(["accounts.yaml", "more.yaml", "secret"], files) {
        FileAccess.files["/nowhere/" + name] = bytes
    }
    let began = processorTime()
    let loader = ConfigurationLoader(
        environment: [
            "NAME": "value", "EMPTY": "", "WORD": "USDT", "NUMBER": "5", "LONG": String(repeating: "x", count: 300),
            "CREDENTIALS_DIRECTORY": "/nowhere",
        ],
        homeDirectory: "/home/me",
        effectiveUserID: 1_000,
        workingDirectory: "/nowhere"
    )
    let result = loader.load(path: "accounts.yaml")
    let text = DiagnosticRenderer.text(result.diagnostics, color: false)
    let json = DiagnosticRenderer.json(result.diagnostics, file: "accounts.yaml")
    let took = processorTime() - began
    // The sanitizer makes everything several times slower; what grows with the square of a file takes far longer.
    expect(took < 1.2, "\(took) s for \(files.map(\.count)) bytes")

    check(result, lines: files.map { lineCount($0) }.max() ?? 1)
    expect(!text.unicodeScalars.contains { isInvisible($0) && $0 != "\n" && $0 != "\t" }, "control characters: \(text)")
    expect(ReferenceJSON(json.utf8) != nil, "no JSON: \(json.prefix(200))")
    let areAllSecret = SecretMarks(files).areAllSecret
    if areAllSecret {
        expect(!text.contains(SecretMarks.mark) && !json.contains(SecretMarks.mark), "a secret: \(text)")
    }
    if let configuration = result.configuration {
        checkSources(result.sources, of: configuration, loader, areAllSecret: areAllSecret)
    }
    return 0
}

/// What is kept of the files holds no secret, and the configuration comes back from it; or it is said why it cannot.
private func checkSources(
    _ sources: ConfigurationSources?,
    of configuration: Configuration,
    _ loader: ConfigurationLoader,
    areAllSecret: Bool
) {
    guard let sources else { return expect(false, "a configuration without sources") }
    let texts = sources.files.map(\.text)
    if areAllSecret { expect(!texts.contains { $0.contains(SecretMarks.mark) }, "a secret is kept: \(texts)") }
    var credentials: [String: Credentials] = [:]
    for account in configuration.accounts { credentials[account.name] = account.credentials }
    let again = loader.load(sources: sources, credentials: credentials)
    if again.diagnostics.contains(where: { $0.code == .secretNotKept }) { return }
    expect(
        again.configuration == configuration,
        "another configuration from \(texts): \(DiagnosticRenderer.text(again.diagnostics))"
    )
    expect(ConfigurationDiff(from: configuration, to: configuration).isEmpty, "a configuration differs from itself")
}

/// At least as many lines as libyaml may count: every byte that a line break can end with.
private func lineCount(_ bytes: [UInt8]) -> Int {
    bytes.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) } + 1
}

/// The grammar is made once and stays. The leak sanitizer does not see through how Swift keeps some of it.
private let grammar: Void = {
    disableLeakChecks()
    expect(!ConfigurationSchema.objects.isEmpty, "no grammar")
    enableLeakChecks()
}()

@_silgen_name("__lsan_disable")
private func disableLeakChecks()

@_silgen_name("__lsan_enable")
private func enableLeakChecks()

private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    if (0x20..<0x7F).contains(scalar.value) { return false }
    return scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
}

private func check(_ result: ConfigurationResult, lines: Int) {
    let errors = result.diagnostics.filter { $0.severity == .error }
    expect((result.configuration == nil) == !errors.isEmpty, "\(errors.count) errors, and yet a configuration or none")
    expect((result.exitCode == 0) == errors.isEmpty, "exit code \(result.exitCode)")
    expect(result.diagnostics.count <= DiagnosticLog.limit + 1, "\(result.diagnostics.count) messages")
    for diagnostic in result.diagnostics {
        let texts = [diagnostic.message, diagnostic.expected, diagnostic.suggestion, diagnostic.help, diagnostic.file]
        for text in texts.compactMap(\.self) {
            expect(text.utf8.count <= 4_000, "\(text.utf8.count) bytes in one message: \(text.prefix(300))")
        }
        expect(
            (1...lines).contains(diagnostic.line) && diagnostic.column >= 1,
            "\(diagnostic.line):\(diagnostic.column)"
        )
        guard let excerpt = diagnostic.excerpt else { continue }
        let count = excerpt.text.unicodeScalars.count
        expect(count <= 2_000, "\(count) characters quoted")
        expect((0...count).contains(excerpt.caretOffset) && excerpt.caretLength >= 1, "the caret is beside the line")
    }
    guard let configuration = result.configuration else { return }
    let names = configuration.accounts.map(\.name)
    expect(Set(names).count == names.count && names.allSatisfy { Name.problem($0) == nil }, "names \(names.prefix(5))")
    expect(names.count <= Grammar.maxAccounts, "\(names.count) accounts")
    expect(configuration.runtime.stateDirectory.hasPrefix("/"), "state_dir \(configuration.runtime.stateDirectory)")
    expect((1...16).contains(configuration.exchange.settleCoins.count), "\(configuration.exchange.settleCoins)")
    let isReal = configuration.exchange.environment != .simulator
    expect(!isReal || configuration.exchange.endpoints != nil, "a real exchange without endpoints")
    for account in configuration.accounts where account.isEnabled && isReal {
        expect(account.credentials != nil, "\(account.name) is enabled and has no credentials")
    }
}
