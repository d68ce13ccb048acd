import Foundation
import HybridStream
import NIOCore

/// What a consumer remembers of a holding, as the store keeps it.
///
/// It writes its text itself, of words, decimals, whole numbers and truth values alone: there is nothing in it that
/// JSON could not hold, so no state is ever left out of the store.
protocol StoredMemory: Decodable {
    func write(to json: ReportWriter)
}

/// What consumers remember, as text in the store.
enum StateText {
    static func encode(_ memory: some StoredMemory) -> String {
        let json = ReportWriter()
        memory.write(to: json)
        return String(buffer: json.buffer)
    }

    static func decode<Memory: StoredMemory>(_ text: String) throws -> Memory {
        try JSONDecoder().decode(Memory.self, from: Data(text.utf8))
    }
}

extension PositionManager.Memory: StoredMemory {
    func write(to json: ReportWriter) {
        json.raw("{\"retry\":")
        self.retry.write(to: json)
        json.raw("}")
    }
}

extension TrailingStop.Memory: StoredMemory {
    func write(to json: ReportWriter) {
        json.raw("{\"state\":").string(self.state.rawValue)
        json.raw(",\"peak\":").string(self.peak?.description)
        json.raw(",\"entry\":").string(self.entry?.description)
        json.raw(",\"stop\":").string(self.stop?.description)
        json.raw(",\"amended\":").integer(self.amended)
        json.raw(",\"isArmed\":").boolean(self.isArmed)
        json.raw(",\"amending\":")
        self.amending.write(to: json)
        json.raw(",\"arming\":")
        self.arming.write(to: json)
        json.raw(",\"closing\":")
        self.closing.write(to: json)
        json.raw(",\"isAmendingHeld\":").boolean(self.isAmendingHeld)
        json.raw(",\"isArmingHeld\":").boolean(self.isArmingHeld)
        json.raw(",\"heldRow\":")
        if let row = self.heldRow { row.write(to: json) } else { json.raw("null") }
        json.raw("}")
    }
}

extension AgedMonitor.Memory: StoredMemory {
    func write(to json: ReportWriter) {
        json.raw("{\"phase\":").string(self.phase.rawValue)
        json.raw(",\"limitRounds\":").integer(self.limitRounds)
        json.raw(",\"isGivenUp\":").boolean(self.isGivenUp)
        json.raw(",\"retry\":")
        self.retry.write(to: json)
        json.raw("}")
    }
}

extension Retry {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"refusals\":").integer(self.refusals)
        json.raw(",\"notBefore\":").integer(self.notBefore)
        json.raw("}")
    }
}

extension TrailingStop.Row {
    fileprivate func write(to json: ReportWriter) {
        json.raw("{\"size\":").string(self.size.description)
        json.raw(",\"entry\":").string(self.entry.description)
        json.raw(",\"updatedTime\":").integer(self.updatedTime)
        json.raw("}")
    }
}
