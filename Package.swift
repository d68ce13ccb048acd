// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
/// Not where C structs of the system (`stat`, `timespec`) are used beside NIO: the compiler attributes them to a module
/// inside NIO that cannot be imported.
let memberImports: [SwiftSetting] = [.enableUpcomingFeature("MemberImportVisibility")]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "bybitctl",
    products: [
        .executable(name: "bybitctl", targets: ["bybitctl"]),
        .library(name: "HybridStream", targets: ["HybridStream"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(
            name: "HybridStream",
            dependencies: ["CCrypto", nioCore, nioPosix, nioSSL, nioHTTP1, logging, asyncHTTPClient, deque, heap],
            swiftSettings: settings + memberImports
        ),
        .target(
            name: "Orchestrator",
            dependencies: [
                "CYAML", "HybridStream", nioCore, nioPosix, nioSSL, logging, hummingbird, lifecycle, grdb, histogram, deque,
                asyncHTTPClient,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Simulator",
            dependencies: ["CCrypto", nioCore, nioPosix, nioHTTP1, nioWebSocket, nioSSL, logging, deque, heap],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bybitctl",
            dependencies: ["Orchestrator", "Simulator", "HybridStream", argumentParser, logging, nioCore, nioPosix, lifecycle, asyncHTTPClient],
            swiftSettings: settings
        ),
        .target(
            name: "CBench", dependencies: ["CCrypto"], path: "Benchmarks/CBench"),
        .executableTarget(
            name: "bench",
            dependencies: ["CBench", "HybridStream", "Orchestrator", nioCore, nioPosix, logging, asyncHTTPClient],
            path: "Benchmarks/Bench",
            swiftSettings: settings
        ),
        .testTarget(name: "HybridStreamTests", dependencies: ["HybridStream", nioCore, nioPosix, nioHTTP1, asyncHTTPClient, logging], swiftSettings: settings),
        .testTarget(name: "OrchestratorTests", dependencies: ["Orchestrator", "HybridStream", nioCore, nioPosix, asyncHTTPClient, logging, grdb], swiftSettings: settings),
        .testTarget(name: "SimulatorTests", dependencies: ["Simulator", asyncHTTPClient, nioCore, nioPosix, nioHTTP1], swiftSettings: settings),
        .testTarget(name: "bybitctlTests", dependencies: ["bybitctl", "Orchestrator", "HybridStream", asyncHTTPClient, nioCore], swiftSettings: settings),
    ]
)

// Temporary: development of single targets.
if let only = Context.environment["ONLY"]?.split(separator: ",").map(String.init) {
    package.targets.removeAll { !only.contains($0.name) && $0.type != .system }
    package.products.removeAll()
}
