/// What a configuration file may cost. Far above any real fleet, far below what hurts.
struct YAMLLimits: Sendable {
    /// Bytes of one file.
    var fileSize = 8 * 1024 * 1024
    /// Mappings and lists inside each other. libyaml takes quadratic time for deep flow nesting.
    var nesting = 64
    /// Nodes of one file after every alias and merge key is expanded.
    var nodes = 200_000
    /// A longer text counts as several nodes.
    static let bytesPerNode = 256
    /// Lines that begin with `%`. libyaml compares each directive with all others; none is of use here.
    var directives = 100
}
