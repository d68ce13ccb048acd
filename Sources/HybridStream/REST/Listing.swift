/// One page of a list: `{"list":[…],"nextPageCursor":"…","category":"linear"}`.
struct Listing: Sendable, Equatable {
    /// Opaque; empty after the last page, nil if the page did not have the field at all.
    var cursor: String?
    /// How many rows the page had, readable or not.
    var count = 0

    /// Reads the `result`, row by row.
    /// - Throws: ``RESTError/Code/malformed`` if there is no list. An absent list must not pass for an empty one.
    @discardableResult
    static func read(
        from reader: inout JSONReader,
        row: (inout JSONReader) throws -> Void
    ) throws -> Listing {
        var listing = Listing()
        var hasList = false
        try reader.forEachMember { key, reader in
            switch key {
            case "list":
                // A null is no list; only an array is.
                var probe = reader
                guard try probe.readScalar() == nil else { return }
                hasList = true
                try reader.forEachElement { reader in
                    listing.count += 1
                    try row(&reader)
                }
            case "nextPageCursor": listing.cursor = try reader.readScalar()?.string ?? ""
            default: break
            }
        }
        guard hasList else { throw RESTError(.malformed, message: "the reply has no list") }
        return listing
    }
}

/// Follows the cursors of a list to its last page.
struct Paging: Sendable {
    /// A list with more pages is taken for one that never ends.
    static let maxPages = 64

    let limit: Int
    private(set) var cursor = ""
    private(set) var isComplete = false
    private var seen: Set<String> = []
    private var pages = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// - Throws: ``RESTError/Code/malformed`` if the pages cannot be followed to an end.
    mutating func received(_ page: Listing) throws(RESTError) {
        self.pages += 1
        guard let next = page.cursor else {
            // Without the field only a page with room left is surely the last one.
            guard page.count < self.limit else {
                throw RESTError(.malformed, message: "a full page does not say whether another follows")
            }
            self.isComplete = true
            return
        }
        if next.isEmpty {
            self.isComplete = true
            return
        }
        guard self.seen.insert(next).inserted else {
            throw RESTError(.malformed, message: "page \(self.pages) names a cursor that came before")
        }
        guard self.pages < Self.maxPages else {
            throw RESTError(.malformed, message: "the list has more than \(Self.maxPages) pages")
        }
        self.cursor = next
    }
}
