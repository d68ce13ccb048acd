extension Grammar {
    static func runtime(_ defaults: RuntimeConfiguration) -> ObjectDescription<RuntimeConfiguration> {
        ObjectDescription(
            "runtime",
            title: "the runtime",
            doc: "How the daemon itself runs.",
            defaults: defaults,
            fields: [
                FieldDescription(
                    "state_dir",
                    \.stateDirectory,
                    .stateDirectory,
                    "store and control socket; each instance has a folder inside. Root's default: `/var/lib/bybitctl`"
                ),
                FieldDescription(
                    "http",
                    \.http,
                    ValueType.object(Grammar.http).orOff(from: HTTPConfiguration()),
                    "metrics, health and dashboard, read-only"
                ),
                FieldDescription("log", \.log, .object(Grammar.log), "what is logged and how"),
                FieldDescription(
                    "threads",
                    \.threads,
                    ValueType<Int>.integer(1...256).optional(from: 1),
                    "event loops; default: number of cores"
                ),
            ]
        )
    }

    static let http = ObjectDescription(
        "http",
        title: "http",
        doc: "The read-only HTTP server.",
        defaults: HTTPConfiguration(),
        fields: [
            FieldDescription("listen", \.listen, .listenAddress, "address and port; port 0 takes any free one")
        ],
        check: { node, http, context in
            guard !HostAndPort.isLoopback(http.listen.host) else { return }
            context.log.warning(
                .risky,
                node.span(of: "listen"),
                "everybody who reaches this address can read positions and profits",
                help: "listen on 127.0.0.1 and put a proxy with a password before it"
            )
        }
    )

    static let log = ObjectDescription(
        "log",
        title: "the log",
        doc: "What is logged and how.",
        defaults: LogConfiguration(),
        fields: [
            FieldDescription("level", \.level, .word(), "least important level that is written"),
            FieldDescription("format", \.format, .word(), "`auto` = text on a terminal, JSON otherwise"),
        ]
    )
}

extension ValueType<String> {
    /// A path whose default is shown as users know it, not as it is on this machine.
    fileprivate static var stateDirectory: ValueType<String> {
        let path = ValueType<String>.path(what: "a path")
        return ValueType(
            shape: path.shape,
            describe: { _ in RuntimeConfiguration.userStateDirectory },
            flatten: path.flatten,
            decode: path.decode
        )
    }
}

extension RuntimeConfiguration {
    static let userStateDirectory = "~/.local/state/bybitctl"
    static let rootStateDirectory = "/var/lib/bybitctl"

    /// The default of `state_dir`: absolute.
    public static func defaultStateDirectory(homeDirectory: String, effectiveUserID: UInt32) -> String {
        if effectiveUserID == 0 { return RuntimeConfiguration.rootStateDirectory }
        return PathResolver.join(homeDirectory, String(RuntimeConfiguration.userStateDirectory.dropFirst(2)))
    }
}

extension ValueType<ListenAddress> {
    fileprivate static var listenAddress: ValueType<ListenAddress> {
        let what = "address:port, such as 127.0.0.1:9464 or [::1]:9464"
        return .parsed(
            shape: .text(what: what, pattern: "^.+:[0-9]{1,5}$"),
            what: what,
            wantsQuotes: false,
            describe: { $0.host.utf8.contains(UInt8(ascii: ":")) ? "[\($0.host)]:\($0.port)" : "\($0.host):\($0.port)" }
        ) { text, node, context in
            guard let (host, port) = HostAndPort.parse(text[...], defaultPort: nil) else {
                context.badValue(.badValue, node, "is not an address with a port", expected: what)
                return nil
            }
            return ListenAddress(host: host, port: port)
        }
    }
}
