import ArgumentParser

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Prints the completion script for a shell.",
        discussion: """
            bash: bybitctl completions bash > ~/.local/share/bash-completion/completions/bybitctl
            zsh:  bybitctl completions zsh > "${fpath[1]}/_bybitctl"
            fish: bybitctl completions fish > ~/.config/fish/completions/bybitctl.fish
            """
    )

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        let shell: CompletionShell =
            switch self.shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        try StandardOutput.write(Bybitctl.completionScript(for: shell) + "\n")
    }
}
