import Foundation
import Testing

@testable import Orchestrator

@Suite struct ConfigurationSchemaTests {
    @Test func theSchemaIsJSONAndClosed() throws {
        let object = try JSONSerialization.jsonObject(with: Data(ConfigurationSchema.json().utf8))
        let schema = try #require(object as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["additionalProperties"] as? Bool == false)
        #expect(Set(try #require(schema["required"] as? [String])) == ["version", "exchange", "accounts"])
        let definitions = try #require(schema["$defs"] as? [String: Any])
        for (name, definition) in definitions {
            #expect((definition as? [String: Any])?["additionalProperties"] as? Bool == false, "\(name)")
        }
        // Every reference leads somewhere.
        for part in ConfigurationSchema.json().components(separatedBy: "#/$defs/").dropFirst() {
            let name = String(part.prefix { $0 != "\"" })
            #expect(definitions[name] != nil, "\(name)")
        }
    }

    @Test(arguments: ContractExamples.all)
    func everyKeyOfTheContractIsInTheSchema(_ example: ContractExample) throws {
        let log = DiagnosticLog()
        let file = log.add(path: "a", directory: "/", bytes: Array(example.text.utf8), permissions: nil)
        let root = try #require(YAMLDocument(file, log: log).root)
        var missing: [String] = []
        Self.walk(root, ConfigurationSchema.root, path: "", missing: &missing)
        #expect(missing.isEmpty)
        let result = loadText(example.text, environment: ["SUB001_KEY": "k", "SUB001_SECRET": "s"])
        #expect(result.configuration != nil, "\(DiagnosticRenderer.text(result.diagnostics))")
    }

    @Test func consumersHaveTheDefaultsOfTheContract() throws {
        for (name, defaults) in ContractExamples.consumerDefaults {
            let object = try #require(ConfigurationSchema.objects.first { $0.name == name })
            let actual = object.fields.map { "\($0.key)=\($0.defaultText ?? "")" }
            #expect(actual == defaults)
        }
    }

    @Test func theHandbookListsEveryKey() throws {
        let docs = try String(contentsOfFile: ContractExamples.root + "/docs/configuration.md", encoding: .utf8)
        for (object, table) in ReferenceTables.all() {
            #expect(docs.contains("### \(object.name)\n"), "no section \(object.name)")
            #expect(docs.contains(table), "the table of \(object.name) should be:\n\(table)")
        }
        for object in ConfigurationSchema.objects {
            for field in object.fields { #expect(docs.contains("`\(field.key)`"), "\(field.key)") }
        }
    }

    @Test func diagnosticsAreJSON() throws {
        let diagnostics = loadText(simulatorHeader + "acounts: []\ninstance: \"a\\u001bb\"\n").diagnostics
        let text = DiagnosticRenderer.json(diagnostics, file: "accounts.yaml")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["schema_version"] as? Int == 1)
        #expect(object["valid"] as? Bool == false)
        #expect((object["warnings"] as? [Any])?.isEmpty == true)
        let errors = try #require(object["errors"] as? [[String: Any]])
        #expect(errors.map { $0["code"] as? String } == ["unknown-key", "bad-value"])
        #expect(errors[0]["line"] as? Int == 3)
        #expect(errors[0]["column"] as? Int == 1)
        #expect(errors[0]["did_you_mean"] as? String == "accounts")
        #expect(errors[0]["source"] as? String == "acounts: []")
        #expect(errors[0]["caret_offset"] as? Int == 0)
    }

    /// Looks every key of a tree up in the shapes.
    private static func walk(_ node: YAMLNode, _ object: ObjectShape, path: String, missing: inout [String]) {
        guard case .mapping(let entries) = node.content else { return }
        for entry in entries {
            guard let field = object.fields.first(where: { $0.key == entry.key }) else {
                missing.append(path + "/" + entry.key)
                continue
            }
            self.walk(entry.value, field.shape, path: path + "/" + entry.key, missing: &missing)
        }
    }

    private static func walk(_ node: YAMLNode, _ shape: ValueShape, path: String, missing: inout [String]) {
        switch (shape, node.content) {
        case (.offOr(let inner), _):
            self.walk(node, inner, path: path, missing: &missing)
        case (.object(let object), _):
            self.walk(node, object, path: path, missing: &missing)
        case (.map(let object, _), .mapping(let entries)):
            for entry in entries { self.walk(entry.value, object, path: path + "/*", missing: &missing) }
        case (.list(let inner, _), .sequence(let items)):
            for item in items { self.walk(item, inner, path: path + "[]", missing: &missing) }
        case (.oneOf(let forms), .mapping(let entries)):
            let form = forms.first { form in
                entries.allSatisfy { entry in form.fields.contains { $0.key == entry.key } }
            }
            guard let form else {
                missing.append(path)
                return
            }
            self.walk(node, form, path: path, missing: &missing)
        default:
            return
        }
    }
}
