/**
 * Sockets that the service manager opened and handed over (sd_listen_fds(3)): a port below 1024 without a right to open
 * one, on which connections wait while the node restarts.
 */
import type { Server as HttpsServer } from 'node:https'
import { createServer, type Server, type Socket } from 'node:net'
import { httpBounds } from './bounds.ts'
import type { HttpConfig } from './dependencies.ts'
import { ListenError } from './errors.ts'

export class ManagedListeners {
  readonly #servers: Server[] = []

  /**
   * Takes the connections of these file descriptors into `server`.
   * @throws ListenError when one of them is no listening socket
   */
  static async start(
    descriptors: readonly number[],
    server: HttpsServer,
    { maxConnections }: Pick<HttpConfig, 'maxConnections'>,
  ): Promise<ManagedListeners> {
    const listeners = new ManagedListeners()
    try {
      for (const fd of descriptors) {
        const own = createServer({ noDelay: true }, (socket: Socket) => server.emit('connection', socket))
        own.maxConnections = maxConnections
        await listen(own, fd)
        own.on('error', (error) => server.emit('error', error))
        listeners.#servers.push(own)
      }
    } catch (error) {
      listeners.close()
      throw error
    }
    return listeners
  }

  /** Takes no more connections; those that are open stay. */
  close(): void {
    for (const server of this.#servers) server.close()
  }
}

function listen(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new ListenError(
          `The service manager's socket ${fd} cannot be used (${error.message}): its unit needs ListenStream= with a TCP port.`,
          { cause: error },
        ),
      ),
    )
    server.listen({ fd, backlog: httpBounds.backlog }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
