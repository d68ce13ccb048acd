import Hummingbird
import NIOCore

/// A request to the control socket, with the connection on which it came.
struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.channel = source.channel
    }

    /// Who is at the other end, by the kernel's word: nothing in a request can claim to be somebody else.
    /// - Throws: if the kernel does not tell.
    func caller() async throws -> Caller {
        guard let options = self.channel as? any SocketOptionProvider else {
            throw OrchestratorError(.io, "cannot tell who asks: the connection is no socket, so nothing is changed")
        }
        let peer: PeerCredentials
        do {
            peer = try await options.unsafeGetSocketOption(
                level: .socket,
                name: NIOBSDSocket.Option(rawValue: PeerCredentials.option)
            ).get()
        } catch {
            throw OrchestratorError(.io, "cannot tell who asks, so nothing is changed; the kernel says: \(error)")
        }
        return Caller(user: SystemUser.name(of: peer.userID) ?? String(peer.userID), uid: peer.userID)
    }
}
