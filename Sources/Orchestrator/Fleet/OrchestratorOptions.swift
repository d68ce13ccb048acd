public import HybridStream

/// What the command line adds to the file.
public struct OrchestratorOptions: Sendable {
    /// Run only these accounts; empty means all.
    public var accounts: [String] = []
    /// No account runs in a higher mode than this.
    public var modeCap: Mode?
    /// No order is sent, whatever the file says.
    public var isDryRun = false
    /// Where the exchange is if the file does not say: the embedded simulator's endpoints.
    public var endpoints: ExchangeEndpoints?
    /// By account name, for accounts of the simulator that have none in the file.
    public var credentials: [String: Credentials] = [:]

    /// Where the configuration comes from: what `apply` and a return to a former file need.
    public var origin: ConfigurationOrigin?

    public init() {}
}
