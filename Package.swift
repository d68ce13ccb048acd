// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")

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
        .target(name: "CSpawn"),
        .target(
            name: "HybridStream",
            dependencies: ["CCrypto", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, nioSSL],
            swiftSettings: settings
        ),
        .target(
            name: "Orchestrator",
            dependencies: [
                "CSpawn", "CYAML", "HybridStream", asyncHTTPClient, deque, grdb, histogram, hummingbird, lifecycle,
                logging, nioCore, nioHTTP1, nioPosix, nioSSL,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Simulator",
            dependencies: ["CCrypto", logging, nioConcurrency, nioCore, nioPosix, nioSSL],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bybitctl",
            dependencies: ["HybridStream", "Orchestrator", "Simulator", argumentParser, logging, nioCore, nioPosix],
            swiftSettings: settings
        ),
        .target(name: "CBench", dependencies: ["CCrypto"], path: "Benchmarks/CBench"),
        .executableTarget(
            name: "bench",
            dependencies: ["CBench", "HybridStream", "Orchestrator", logging, nioCore, nioPosix],
            path: "Benchmarks/Bench",
            swiftSettings: settings
        ),
        .target(
            name: "Chaos",
            dependencies: ["HybridStream", "Orchestrator", "Simulator", logging, nioCore],
            path: "Simulation/Chaos",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "chaos-runner",
            dependencies: ["Chaos"],
            path: "Simulation/ChaosRunner",
            swiftSettings: settings
        ),
        .testTarget(name: "ChaosTests", dependencies: ["Chaos"], swiftSettings: settings),
        .testTarget(
            name: "HybridStreamTests",
            dependencies: ["HybridStream", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OrchestratorTests",
            dependencies: ["HybridStream", "Orchestrator", asyncHTTPClient, grdb, logging, nioCore, nioPosix],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SimulatorTests",
            dependencies: ["Simulator", asyncHTTPClient, nioCore, nioHTTP1, nioPosix],
            swiftSettings: settings
        ),
        .testTarget(
            name: "bybitctlTests",
            dependencies: [
                "HybridStream", "Orchestrator", "Simulator", "bybitctl", asyncHTTPClient, grdb, logging, nioCore,
            ],
            swiftSettings: settings
        ),
    ]
)
