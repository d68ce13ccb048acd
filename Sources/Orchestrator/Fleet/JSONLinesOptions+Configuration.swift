extension JSONLinesOptions {
    /// As the file describes the sink.
    init(_ configuration: JSONLSinkConfiguration) {
        self.init()
        self.rotateBytes = configuration.rotate
        self.keep = configuration.keep
        self.sync =
            switch configuration.fsync {
            case .never: .never
            // Batches are synced whole: more often than asked for, never less.
            case .lifecycle, .always: .everyBatch
            }
    }
}
