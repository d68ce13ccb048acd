/// What goes wrong on purpose. All of it is set over the control API and taken back by `POST /faults/clear`.
struct Faults {
    enum AuthMode: String { case reject, never, delay }

    struct Auth {
        var mode: AuthMode
        var delay: Int64
        var account: String?
        /// Nil applies until cleared.
        var left: Int?
    }

    struct Rest {
        var path: String
        var account: String?
        var status: Int?
        var retCode: Int?
        var retMessage = ""
        var html = false
        var withoutResetHeader = false
        var delay: Int64 = 0
        var dropsReply = false
        var left: Int?
        /// The first matching requests that pass unharmed.
        var skip = 0
    }

    /// Marks of position listings that are not those of the tickers.
    struct MarkSkew {
        var perMille: Int64
        var account: String?
        var left: Int?
    }

    struct Refusal {
        var status: Int
        var body: String
        var left: Int?
        var contentType: String
    }

    var refusal: Refusal?
    var auth: Auth?
    var rejectedTopics: Set<String> = []
    var acknowledgementDelay: Int64 = 0
    var dataBeforeAcknowledgement = false
    var pongDelay: Int64 = 0
    var dropsPongs = false
    /// Pieces in which every frame is written; 0 writes whole frames.
    var splitBytes = 0
    /// Payload of one WebSocket fragment; 0 does not fragment.
    var fragmentBytes = 0
    /// Every n-th data frame is damaged; 0 none.
    var garbleEvery = 0
    var reordersRows = false
    var duplicatesRows = false
    /// Rows still to be dropped.
    var rowsToDrop = 0
    var rowDelay: Int64 = 0
    var rest: [Rest] = []
    var clockSkew: Int64 = 0
    /// Page of a position sweep that fails (2 = the second); 0 none.
    var failingPage = 0
    /// Positions in sweeps are as they were this long ago.
    var sweepAge: Int64 = 0
    var listedMarks: MarkSkew?
    var unknownFields = false
    /// Position listings still to be answered with nothing in them.
    var emptyListings = 0
    /// Every subscription is carried out twice, and only the second answer is sent.
    var repeatsSubscriptions = false

    /// Takes one use off a counted fault; false when it is used up.
    static func use(_ left: inout Int?) -> Bool {
        guard let count = left else { return true }
        guard count > 0 else { return false }
        left = count - 1
        return true
    }
}
