import HybridStream
import Testing

@Suite struct RESTGateTests {
    private func gate(_ time: ManualTime, requests: Int, waiting: Int = 100) -> RESTGate {
        RESTGate(
            budget: RateBudget(
                requests: requests,
                per: .seconds(1),
                banPause: .seconds(600),
                maxUnderWay: 10,
                maxWaiting: waiting
            ),
            now: { time.now },
            schedule: time.schedule
        )
    }

    @Test func waitersGoOnWhenTheWindowMoves() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 1)
        _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        async let second = gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        #expect(await eventually { gate.waitingCount == 1 && time.timerCount == 1 })
        #expect(gate.usage == (1, 1))
        time.advance(by: .milliseconds(1000))
        _ = try await second
        #expect(gate.waitingCount == 0)
    }

    @Test func oneTimerForManyWaiters() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 1)
        _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do {
                        _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
                    } catch {
                        #expect(error as? RESTError == RESTError(.cancelled, message: ""))
                    }
                }
            }
            #expect(await eventually { gate.waitingCount == 20 })
            #expect(time.timerCount == 1)
            gate.close()
        }
        #expect(gate.waitingCount == 0)
    }

    @Test func cancellationLeavesTheQueue() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 1)
        _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        let waiting = Task { try await gate.acquire(account: nil, endpoint: "/a", priority: .normal) }
        #expect(await eventually { gate.waitingCount == 1 })
        waiting.cancel()
        await #expect(throws: RESTError(.cancelled, message: "")) { try await waiting.value }
        #expect(gate.waitingCount == 0)
    }

    @Test func aCancelledTaskDoesNotEvenEnter() async throws {
        let gate = gate(ManualTime(), requests: 10)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        }
        await #expect(throws: RESTError(.cancelled, message: "")) { try await task.value }
        #expect(gate.usage.used == 0)
    }

    /// Cancellation races with granting: whoever wins, nobody hangs and nothing leaks.
    @Test func cancellationRacesWithGrants() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 10, waiting: 1000)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                group.addTask {
                    let task = Task {
                        do {
                            let permit = try await gate.acquire(
                                account: "\(index % 7)",
                                endpoint: "/a",
                                priority: .normal
                            )
                            gate.finish(permit, outcome: .answered(remaining: nil, resetsAt: nil))
                        } catch {
                            #expect((error as? RESTError)?.code == .cancelled)
                        }
                    }
                    if index.isMultiple(of: 2) {
                        await Task.yield()
                        task.cancel()
                    }
                    await task.value
                }
            }
            group.addTask {
                for _ in 0..<4000 {
                    time.advance(by: .milliseconds(100))
                    await Task.yield()
                }
                _ = await eventually {
                    time.advance(by: .seconds(1))
                    return gate.waitingCount == 0
                }
            }
        }
        #expect(gate.waitingCount == 0)
    }

    @Test func queueIsBounded() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 1, waiting: 1)
        _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        let waiting = Task { try await gate.acquire(account: nil, endpoint: "/a", priority: .normal) }
        #expect(await eventually { gate.waitingCount == 1 })
        await #expect(throws: RESTError(.queueFull, message: "")) {
            try await gate.acquire(account: nil, endpoint: "/a", priority: .high)
        }
        gate.close()
        await #expect(throws: RESTError(.cancelled, message: "")) { try await waiting.value }
    }

    @Test func aBanTurnsAwayWhoWaitsAndSaysForHowLong() async throws {
        let time = ManualTime()
        let gate = gate(time, requests: 1)
        let first = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        let waiting = Task { try await gate.acquire(account: nil, endpoint: "/a", priority: .normal) }
        #expect(await eventually { gate.waitingCount == 1 })
        gate.finish(first, outcome: .banned)
        await #expect(throws: RESTError(.banned, message: "")) { try await waiting.value }
        time.advance(by: .seconds(100))
        do {
            _ = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
            Issue.record("a call passed during a ban")
        } catch {
            #expect(error.retryAfter == .seconds(500))
        }
        time.advance(by: .seconds(500))
        let probe = try await gate.acquire(account: nil, endpoint: "/a", priority: .normal)
        #expect(gate.ban == .probing)
        gate.finish(probe, outcome: .answered(remaining: nil, resetsAt: nil))
        #expect(gate.ban == .none)
    }
}
