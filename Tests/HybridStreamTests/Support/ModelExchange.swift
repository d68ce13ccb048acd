@testable import HybridStream

/// The public socket's side of subscriptions, as live probes describe it: a request is taken whole or not at all, only the
/// first offender is named, and an active topic is an offender too.
struct ModelExchange {
    var known: Set<String>
    var active: Set<String> = []
    /// Subscribed since the snapshot was last sent.
    var snapshots: [String] = []
    /// Refuses without a name above this many topics.
    var maxTopics = Int.max

    struct Answer {
        var isSubscribe: Bool
        var success: Bool
        var message: String
    }

    mutating func request(_ topics: [String], isSubscribe: Bool) -> Answer {
        guard isSubscribe else {
            self.active.subtract(topics)
            return Answer(isSubscribe: false, success: true, message: "")
        }
        if topics.count > self.maxTopics {
            return Answer(isSubscribe: true, success: false, message: "args size >\(self.maxTopics)")
        }
        for topic in topics {
            if !self.known.contains(topic) {
                return Answer(isSubscribe: true, success: false, message: "error:handler not found,topic:\(topic)")
            }
            if self.active.contains(topic) {
                return Answer(isSubscribe: true, success: false, message: "error:already subscribed,topic:\(topic)")
            }
        }
        self.active.formUnion(topics)
        self.snapshots += topics
        return Answer(isSubscribe: true, success: true, message: "")
    }
}
