#if THREAD_SANITIZER
    import HybridStream

    /// A lock that the thread sanitizer sees.
    typealias Mutex<Value> = VisibleMutex<Value>
#endif
