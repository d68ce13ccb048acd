@testable import HybridStream

/// An answer to an operation, by the slow reading of its JSON.
struct OperationReplyReading {
    private var texts: [String: String?] = ["op": "", "message": "", "request": "", "connection": ""]
    private var success: Bool?

    init(_ document: ReferenceJSON) {
        guard case .object(let members) = document else { return }
        for (key, value) in members {
            switch key.text {
            case "op": self.texts["op"] = .some(value.string)
            case "ret_msg", "retMsg": self.texts["message"] = .some(value.string)
            case "req_id", "reqId": self.texts["request"] = .some(value.string)
            case "conn_id", "connId": self.texts["connection"] = .some(value.string)
            case "success": self.success = value.scalar.map { $0.isEqual(to: "true") }
            case "retCode": self.success = value.integer == 0
            default: break
            }
        }
    }

    func check(_ reply: OperationReply) {
        self.check(reply.operation, "op")
        self.check(reply.message, "message")
        self.check(reply.requestID, "request")
        self.check(reply.connectionID, "connection")
        expect(reply.success == self.success, "success \(String(describing: reply.success))")
    }

    private func check(_ text: String, _ name: String) {
        guard let claimed = self.texts[name], let claimed else { return }
        expect(text.unicodeScalars.elementsEqual(claimed.unicodeScalars), "\(name) '\(text)', not '\(claimed)'")
    }
}
