/// Secrets that stand in files of their own.
extension SecretReader {
    func file(_ name: String, _ node: YAMLNode, isEnabled: Bool) -> String? {
        self.context.key = name
        guard let text = self.context.text(of: node, expected: "a path") else { return nil }
        guard !text.isEmpty, let path = self.context.resolvePath(text, node) else {
            if text.isEmpty { self.context.badValue(.badValue, node, "is empty", expected: "a path") }
            return nil
        }
        guard let contents = self.read(path, name, node, isEnabled: isEnabled) else { return nil }
        let mode = contents.permissions ?? 0
        guard mode & 0o077 == 0 else {
            self.report(
                .secretPermissions,
                category: .permission,
                node.place,
                "\(name): others can get at the file \(node.shown) (mode \(Self.octal(mode)))",
                isEnabled: isEnabled,
                expected: "mode 0600 or 0400",
                help: "chmod 600 \(node.shown)"
            )
            return nil
        }
        if contents.owner != self.effectiveUserID, contents.owner != 0 {
            // Root reads everything, also what belongs to a user, as with mounted volumes.
            let message = "\(name): the file \(node.shown) belongs to user \(contents.owner), who can change it"
            guard self.effectiveUserID == 0 else {
                self.report(
                    .secretPermissions,
                    category: .permission,
                    node.place,
                    message,
                    isEnabled: isEnabled,
                    expected: "a file of user \(self.effectiveUserID) or root"
                )
                return nil
            }
            self.context.log.warning(.secretPermissions, category: .permission, node.place, message)
        }
        return self.content(contents, name, node, isEnabled: isEnabled)
    }

    /// From systemd's `LoadCredential=`. systemd guards the folder and may grant its user access by an ACL that looks
    /// like a group's; only what everybody can read is refused.
    func credential(_ name: String, _ node: YAMLNode, isEnabled: Bool) -> String? {
        self.context.key = name
        guard let text = self.context.text(of: node, expected: "the name of a systemd credential") else { return nil }
        guard !text.isEmpty, text != ".", text != "..", !text.utf8.contains(UInt8(ascii: "/")) else {
            self.context.badValue(
                .badValue,
                node,
                "is not the name of a credential",
                expected: "a name without \"/\"",
                help: "for a path use \(name.replacingSuffix("_credential", with: "_file"))"
            )
            return nil
        }
        guard let directory = self.context.environment["CREDENTIALS_DIRECTORY"], directory.hasPrefix("/") else {
            self.report(
                .missingSecret,
                node.place,
                "\(name): environment variable CREDENTIALS_DIRECTORY is not set",
                isEnabled: isEnabled,
                help: "systemd sets it for a unit that has LoadCredential="
            )
            return nil
        }
        let path = PathResolver.join(directory, text)
        guard let contents = self.read(path, name, node, isEnabled: isEnabled) else { return nil }
        let mode = contents.permissions ?? 0
        guard mode & 0o007 == 0 else {
            self.report(
                .secretPermissions,
                category: .permission,
                node.place,
                "\(name): everybody can get at the credential \(node.shown) (mode \(Self.octal(mode)))",
                isEnabled: isEnabled,
                expected: "mode 0400 or 0440"
            )
            return nil
        }
        return self.content(contents, name, node, isEnabled: isEnabled)
    }

    private func read(_ path: String, _ name: String, _ node: YAMLNode, isEnabled: Bool) -> FileContents? {
        switch FileAccess.read(path, limit: SecretReader.limit) {
        case .success(let contents):
            return contents
        case .failure(let problem):
            self.report(
                problem.isPermission ? .secretPermissions : .missingSecret,
                category: problem.isPermission ? .permission : .configuration,
                node.place,
                "\(name): \(node.shown) cannot be read: \(problem.message)",
                isEnabled: isEnabled,
                help: problem.isPermission ? "make it readable by user \(self.effectiveUserID)" : nil
            )
            return nil
        }
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with replacement: String) -> String {
        self.hasSuffix(suffix) ? self.dropLast(suffix.count) + replacement : self
    }
}
