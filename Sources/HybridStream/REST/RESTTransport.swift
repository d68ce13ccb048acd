/// Carries one request to the exchange and its reply back.
package protocol RESTTransport: Sendable {
    /// - Parameter timeout: for everything from connecting to the last byte of the reply.
    /// - Throws: ``RESTError`` if there is no complete reply.
    func send(
        _ request: RESTRequest,
        headers: [(name: String, value: String)],
        timeout: Duration
    ) async throws(RESTError) -> RESTReply

    func shutdown() async throws
}
