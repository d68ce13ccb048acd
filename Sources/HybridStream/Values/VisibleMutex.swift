#if THREAD_SANITIZER
    import Glibc

    /// What stands for `Mutex` under the thread sanitizer, which knows nothing of the futex in that one and takes what it
    /// guards for unguarded. Each module that locks says `typealias Mutex = VisibleMutex`.
    package final class VisibleMutex<Value>: @unchecked Sendable {
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let value: UnsafeMutablePointer<Value>

        package init(_ value: consuming sending Value) {
            self.lock = .allocate(capacity: 1)
            self.lock.initialize(to: pthread_mutex_t())
            pthread_mutex_init(self.lock, nil)
            self.value = .allocate(capacity: 1)
            self.value.initialize(to: value)
        }

        deinit {
            pthread_mutex_destroy(self.lock)
            self.lock.deallocate()
            self.value.deinitialize(count: 1)
            self.value.deallocate()
        }

        package func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(self.lock)
            defer { pthread_mutex_unlock(self.lock) }
            return try body(&self.value.pointee)
        }
    }

    typealias Mutex<Value> = VisibleMutex<Value>
#endif
