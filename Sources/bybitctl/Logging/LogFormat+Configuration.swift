import Logging
import Orchestrator

extension LogFormat {
    init(_ format: LogConfiguration.Format) {
        switch format {
        case .auto: self = .auto
        case .text: self = .text
        case .json: self = .json
        }
    }
}

extension Logger.Level {
    init(_ level: LogConfiguration.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}
