import HybridStream
import NIOCore

/// The parameters of an action as the text of a JSON object of strings, in their order.
enum ParameterText {
    static func encode(_ parameters: [PipelineEvent.Action.Parameter]) -> String {
        let json = ReportWriter()
        self.write(parameters, to: json)
        return String(buffer: json.buffer)
    }

    static func write(_ parameters: [PipelineEvent.Action.Parameter], to json: ReportWriter) {
        json.raw("{")
        for (index, parameter) in parameters.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(parameter.name).raw(":").string(parameter.value)
        }
        json.raw("}")
    }

    /// Nil for text that is no such object.
    static func decode(_ text: String) -> [PipelineEvent.Action.Parameter]? {
        var text = text
        return text.withUTF8 { bytes in
            guard var reader = JSONReader(UnsafeRawBufferPointer(bytes)) else { return nil }
            do {
                let parameters = try self.read(&reader)
                try reader.expectEnd()
                return parameters
            } catch {
                return nil
            }
        }
    }

    /// Reads the object that comes next.
    static func read(_ reader: inout JSONReader) throws -> [PipelineEvent.Action.Parameter] {
        var parameters: [PipelineEvent.Action.Parameter] = []
        try reader.forEachMember { name, reader in
            parameters.append(.init(name.string, try reader.readScalar()?.string ?? ""))
        }
        return parameters
    }
}
