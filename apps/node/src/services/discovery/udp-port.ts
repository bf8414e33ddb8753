import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { DiscoverySocketError, errorCode } from './errors.ts'

export type UdpPortOptions = {
  family: 'udp4' | 'udp6'
  /** 0 takes a free one, as a client does. */
  port: number
  /** Binds to this address alone; a multicast group's address receives only what is sent to that group. */
  address?: string
  onDatagram: (datagram: Buffer, from: RemoteInfo) => void
  /** An error after the opening; the socket is closed by then. */
  onLost: (error: DiscoverySocketError) => void
}

/**
 * One UDP socket that shares its port (SO_REUSEADDR), may broadcast, and never lets an error escape: an `error` event
 * without a listener would end the process.
 */
export class UdpPort {
  readonly #options: UdpPortOptions
  #socket: Socket | undefined
  readonly #groups = new Set<string>()

  constructor(options: UdpPortOptions) {
    this.#options = options
  }

  /** The socket itself while it is open. */
  get socket(): Socket | undefined {
    return this.#socket
  }

  /**
   * Opens and binds the socket.
   * @throws DiscoverySocketError when the port is taken without sharing or the family is switched off.
   */
  async open(): Promise<void> {
    const { family, port, address, onDatagram } = this.#options
    const socket = createSocket({ type: family, reuseAddr: port !== 0, ipv6Only: family === 'udp6' })
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind(port, address, () => {
          socket.off('error', reject)
          resolve()
        })
      })
      if (family === 'udp4') socket.setBroadcast(true)
    } catch (error) {
      socket.on('error', () => {})
      socket.close()
      throw new DiscoverySocketError(
        `Port ${port}/udp (${family === 'udp4' ? 'IPv4' : 'IPv6'}) did not open`,
        error,
      )
    }
    socket.on('message', onDatagram)
    socket.on('error', (error) => this.#lose(error))
    this.#socket = socket
  }

  /** Joins the group on these zones (`::%eth0`) or IPv4 addresses and leaves it elsewhere; failures are returned. */
  joinGroup(group: string, interfaces: readonly string[]): string[] {
    const problems: string[] = []
    for (const name of this.#groups)
      if (!interfaces.includes(name)) this.#membership('dropMembership', group, name)
    for (const name of interfaces) {
      if (this.#groups.has(name)) continue
      const code = this.#membership('addMembership', group, name)
      if (code) problems.push(`${name}: ${code}`)
    }
    return problems
  }

  /** Sends one datagram. Resolves to the system's error code when it could not, to undefined when it could. */
  send(datagram: Buffer, port: number, address: string): Promise<string | undefined> {
    const socket = this.#socket
    if (!socket) return Promise.resolve('ENOTCONN')
    return new Promise((resolve) => {
      try {
        socket.send(datagram, port, address, (error) => resolve(error ? errorCode(error) : undefined))
      } catch (error) {
        resolve(errorCode(error))
      }
    })
  }

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    this.#groups.clear()
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()))
  }

  #membership(action: 'addMembership' | 'dropMembership', group: string, name: string): string | undefined {
    this.#groups.delete(name)
    try {
      this.#socket?.[action](group, name)
      if (action === 'addMembership') this.#groups.add(name)
      return undefined
    } catch (error) {
      return errorCode(error)
    }
  }

  #lose(error: Error): void {
    void this.close()
    this.#options.onLost(new DiscoverySocketError(`Port ${this.#options.port}/udp was lost`, error))
  }
}
