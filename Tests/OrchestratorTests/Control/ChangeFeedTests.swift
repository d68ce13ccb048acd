import NIOCore
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ChangeFeedTests {
    private let backend = FakeBackend([])

    @Test func theChangeGoesOnWhenNobodyListensAnyMore() async throws {
        let (mayGoOn, goOn) = AsyncStream<Void>.makeStream()
        let (hasEnded, ended) = AsyncStream<Bool>.makeStream()
        self.backend.setChange { change in
            for await _ in mayGoOn { break }
            change.progress(ChangeReport.Account(name: "a", outcome: .done, from: "x", to: "y"))
            ended.yield(Task.isCancelled)
            return ChangeReport(accounts: [])
        }
        let feed = ChangeFeed()
        let listening = Task {
            feed.begin(ChangeRequest(.drain), by: .daemon, backend: self.backend)
            for await _ in feed.lines { return "a line" }
            return "the end"
        }
        feed.leave()
        listening.cancel()
        #expect(await listening.value == "the end")
        goOn.yield()
        var wasCancelled: Bool?
        for await value in hasEnded {
            wasCancelled = value
            break
        }
        #expect(wasCancelled == false)
    }

    @Test func theLastLineIsTheReportOrTheError() async throws {
        self.backend.setChange { change in
            change.progress(ChangeReport.Account(name: "a", outcome: .done, from: "x", to: "y"))
            return ChangeReport(accounts: [], revision: 7)
        }
        #expect(
            await self.lines() == [
                #"{"progress":{"blockers":[],"from":"x","gates":[],"name":"a","outcome":"done","text":"","to":"y"}}"#,
                #"{"report":{"accounts":[],"revision":7,"text":""}}"#,
            ]
        )
        self.backend.setChange { _ in throw OrchestratorError(.configuration, "no") }
        #expect(await self.lines() == [#"{"error":{"error":"no","exit_code":78}}"#])
    }

    private func lines() async -> [String] {
        let feed = ChangeFeed()
        feed.begin(ChangeRequest(.apply), by: .daemon, backend: self.backend)
        var splitter = LineSplitter()
        var lines: [String] = []
        for await chunk in feed.lines {
            splitter.append(chunk)
            while let line = splitter.next() { lines.append(String(buffer: line)) }
        }
        return lines
    }

    @Test func linesAreFoundInAnyChunks() {
        let text = "one\n\nthree is longer\nfour"
        for size in 1...text.utf8.count {
            var splitter = LineSplitter()
            var found: [String] = []
            var rest = ByteBuffer(string: text)
            while let chunk = rest.readSlice(length: min(size, rest.readableBytes)), chunk.readableBytes > 0 {
                splitter.append(chunk)
                while let line = splitter.next() { found.append(String(buffer: line)) }
            }
            #expect(found == ["one", "", "three is longer"], "chunks of \(size)")
        }
    }

    @Test func usersHaveNames() {
        #expect(SystemUser.name(of: 0) == "root")
        #expect(SystemUser.name(of: 4_123_456_789) == nil)
    }
}
