public import NIOCore

extension ChangeReport {
    public static let schemaVersion = 1

    /// What `--output json` prints: one JSON object on one line, without a line feed, all keys always there.
    public func json() -> ByteBuffer {
        let json = ReportWriter()
        json.raw("{\"schema_version\":").integer(ChangeReport.schemaVersion)
        json.raw(",\"accounts\":").array(self.accounts) { account, json in
            json.raw("{\"name\":").string(account.name)
            json.raw(",\"outcome\":").string(account.outcome.rawValue)
            json.raw(",\"from\":").string(account.from)
            json.raw(",\"to\":").string(account.to)
            json.raw(",\"revision\":").integer(account.revision.map(Int64.init))
            json.raw(",\"text\":").string(account.text)
            json.raw(",\"gates\":").array(account.gates) { $0.write(to: $1) }
            json.raw(",\"blockers\":").array(account.blockers) { $1.string($0) }
            json.raw("}")
        }
        json.raw(",\"revision\":").integer(self.revision.map(Int64.init))
        json.raw(",\"text\":").string(self.text)
        json.raw("}")
        return json.buffer
    }
}

extension Gate {
    func write(to json: ReportWriter) {
        json.raw("{\"name\":").string(self.name)
        json.raw(",\"verdict\":").string(self.verdict.rawValue)
        json.raw(",\"value\":").string(self.value)
        json.raw(",\"limit\":").string(self.limit)
        json.raw("}")
    }
}
