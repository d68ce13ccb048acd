import ArgumentParser
import Foundation
import Glibc

@main
enum Program {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        exit(await Program.execute(arguments).rawValue)
    }

    /// Parses and runs one command line. Everything a command throws ends here: words on standard error, one exit code.
    nonisolated static func execute(_ arguments: [String]) async -> ExitStatus {
        // A reader that goes away (`bybitctl events | head`) shows as an error of the write, not as a dead process.
        signal(SIGPIPE, SIG_IGN)
        ProcessSignals.exitByCode([SIGINT, SIGTERM])
        let command: any ParsableCommand
        do {
            command = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
        } catch {
            return Program.parserAnswered(error)
        }
        do {
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
            return .done
        } catch let status as ExitStatus {
            return status
        } catch is OutputClosed {
            return .done
        } catch {
            // Help, version and usage errors come from the parser also while a command runs. Help that was asked for
            // has a type that it does not show; but nothing of ours would be a success to it.
            if error is CleanExit || error is ValidationError || error is ExitCode
                || Bybitctl.exitCode(for: error) == .success
            {
                return Program.parserAnswered(error)
            }
            let failure = CommandError(error)
            StandardError.write(failure.text)
            return failure.status
        }
    }

    /// Prints what the argument parser has to say: help on standard output, complaints on standard error.
    private static func parserAnswered(_ error: any Error) -> ExitStatus {
        let status = ExitStatus(rawValue: Bybitctl.exitCode(for: error).rawValue)
        let message = Bybitctl.fullMessage(for: error)
        guard !message.isEmpty else { return status }
        guard status == .done else {
            StandardError.write(message + "\n")
            return status
        }
        do {
            try StandardOutput.write(message + "\n")
        } catch is OutputClosed {
            return .done
        } catch {
            StandardError.write("bybitctl: \(error)\n")
            return .failed
        }
        return status
    }
}

/// What the parser cannot say by itself.
enum CommandLineText {
    /// `--watch` may stand alone or before a number of seconds; `--watch sub-001` names an account.
    static func normalized(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if argument == "--" { return result + ["--"] + arguments[index...] }
            guard argument == "--watch" else {
                result.append(argument)
                continue
            }
            if index < arguments.count, Double(arguments[index]) != nil {
                result.append("--watch=" + arguments[index])
                index += 1
            } else {
                result.append("--watch=2")
            }
        }
        return result
    }
}
