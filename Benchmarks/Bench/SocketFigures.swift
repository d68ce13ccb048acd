import CBench

/// From the socket to the consumer, in processes of their own: a server that sends ticker frames, and the client.
enum SocketFigures {
    /// A server and a client connected to it.
    private final class Pair {
        let server: ChildProcess
        let client: ChildProcess
        private var cpu: Int64 = 0

        /// - Parameter shape: nil for the bare client in C.
        init(_ shape: ClientRole.Shape?) throws {
            self.server = try ChildProcess(SystemFile.ownPath, ["--role", "server"])
            let port = try self.server.expect("port")[1]
            self.client = try ChildProcess(
                SystemFile.ownPath,
                shape.map { ["--role", "client", port] + $0.arguments } ?? ["--role", "bare", port]
            )
            var subscribed = 0
            while subscribed < (shape?.symbols ?? 1) { subscribed = Int(try self.server.expect("subscribed")[1]) ?? 0 }
        }

        deinit {
            self.client.stop()
            self.server.stop()
        }

        struct Series {
            var cpuPerFrame: Double
            var eventsPerFrame: Double
            /// Microseconds, since the client's start.
            var latency: Double
        }

        /// One series of frames. CPU time is that since the end of the last one.
        func run(_ command: String, frames: Int) throws -> Series {
            try self.server.send(command)
            let words = try self.client.expect("done")
            guard words.count >= 3, let cpu = Int64(words[1]), let events = Int(words[2]) else {
                throw ChildProcess.Failure(description: "the client said \(words)")
            }
            defer { self.cpu = cpu }
            return Series(
                cpuPerFrame: Double(cpu - self.cpu) / 1_000 / Double(frames),
                eventsPerFrame: Double(events) / Double(frames),
                latency: words.count > 3 ? Double(words[3]) ?? 0 : 0
            )
        }
    }

    static func measure(rounds: Int, wanted: (String) -> Bool) throws -> [Figure] {
        var figures: [Figure] = []
        if wanted("saturated") { figures += try self.measureSaturated(rounds: rounds) }
        if wanted("paced") { figures += try self.measurePaced(rounds: rounds) }
        if wanted("latency") { figures += try self.measureLatency(rounds: rounds) }
        return figures
    }

    private static func measureSaturated(rounds: Int) throws -> [Figure] {
        let frames = 400_000
        var cost = Figure(
            "saturated",
            "CPU per ticker frame, saturated, socket to in-process consumer, one account",
            unit: "µs",
            must: 3,
            aim: 1.5,
            note: "user and system time of the client's process: socket, feed, hub, tracker, pipeline, one consumer; "
                + "the server is a process of its own"
        )
        var events = Figure("saturated-events", "… events per frame", unit: "events")
        let pair = try Pair(ClientRole.Shape())
        _ = try pair.run("blast 20000", frames: 20_000)
        for _ in 0..<rounds {
            let series = try pair.run("blast \(frames)", frames: frames)
            cost.samples.append(series.cpuPerFrame)
            events.samples.append(series.eventsPerFrame)
        }
        guard events.minimum > 0.99, events.maximum < 1.01 else {
            throw ChildProcess.Failure(description: "\(events.samples) events per frame instead of one")
        }
        return [cost, events]
    }

    private static func measurePaced(rounds: Int) throws -> [Figure] {
        let frames = 1_500
        var ratio = Figure(
            "paced",
            "CPU per frame at 1,000 separate frames/s, against a bare C loop over epoll",
            unit: "×",
            must: 2,
            aim: 1.3,
            note: "whole processes, in turns within one run; the bare loop only looks for the mark"
        )
        var ours = Figure("paced-client", "… of the client", unit: "µs")
        var bare = Figure("paced-bare", "… of the bare loop", unit: "µs")
        let first = try Pair(ClientRole.Shape())
        let second = try Pair(nil)
        _ = try first.run("pace 200 1000", frames: 200)
        _ = try second.run("pace 200 1000", frames: 200)
        for _ in 0..<rounds {
            let one = try first.run("pace \(frames) 1000", frames: frames)
            let other = try second.run("pace \(frames) 1000", frames: frames)
            ours.samples.append(one.cpuPerFrame)
            bare.samples.append(other.cpuPerFrame)
            ratio.samples.append(one.cpuPerFrame / other.cpuPerFrame)
        }
        return [ratio, ours, bare]
    }

    private static func measureLatency(rounds: Int) throws -> [Figure] {
        var figures: [Figure] = []
        for rate in [1_000, 10_000] {
            var figure = Figure(
                "latency-\(rate)",
                "frame read → event handed over, p99 at \(rate == 1_000 ? "1,000" : "10,000") frames/s",
                unit: "µs",
                must: 500,
                aim: 100,
                note: "worst of 10 accounts on 2 loops, 100 symbols with 5 holders each; from the pipelines' own "
                    + "histograms, a new process per round"
            )
            for _ in 0..<rounds {
                let pair = try Pair(ClientRole.Shape(accounts: 10, symbols: 100, spacing: 2, loops: 2))
                let frames = rate * 3 / 2
                let series = try pair.run("pace \(frames) \(rate)", frames: frames)
                guard series.eventsPerFrame > 4 else {
                    throw ChildProcess.Failure(description: "\(series.eventsPerFrame) events per frame instead of five")
                }
                figure.samples.append(series.latency)
            }
            figures.append(figure)
        }
        return figures
    }
}
