import type { Socket } from 'node:net'
import { isLoopback, remoteAddress } from './request.ts'

/** Counts the TCP connections, all and per remote address, and refuses those over the bound. */
export class Connections {
  readonly #max: number
  readonly #perAddressMax: number
  readonly #perAddress = new Map<string, number>()
  readonly #sockets = new Set<Socket>()
  readonly #forget: (this: Socket) => void
  refused = 0

  /**
   * @param max connections at once, over all listeners
   * @param perAddressMax 0: no bound
   */
  constructor(max: number, perAddressMax: number) {
    this.#max = max
    this.#perAddressMax = perAddressMax
    const release = (socket: Socket) => this.#release(socket)
    // One function for all sockets: a closure each would cost memory ten thousand times.
    this.#forget = function (this: Socket) {
      release(this)
    }
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Takes a fresh connection, or closes it when there are too many, or too many of its address. */
  take(socket: Socket): void {
    const address = remoteAddress(socket)
    const held = this.#perAddress.get(address) ?? 0
    const tooMany = this.#perAddressMax > 0 && held >= this.#perAddressMax && !isLoopback(address)
    if (tooMany || this.#sockets.size >= this.#max) {
      this.refused++
      socket.destroy()
      return
    }
    this.#perAddress.set(address, held + 1)
    this.#sockets.add(socket)
    socket.once('close', this.#forget)
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #release(socket: Socket): void {
    if (!this.#sockets.delete(socket)) return
    const address = remoteAddress(socket)
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, left)
  }
}
