/// The program's own version, the same for daemon and client.
public enum BybitctlVersion {
    public static let current = "0.1.0"
}
