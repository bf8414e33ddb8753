import type { Client } from '@holdfast/api/client'
import { createApi, type Fetch } from '@holdfast/api/client/api'
import type { DeviceKey } from '@holdfast/api/client/device-key'
import { login } from '@holdfast/api/client/login'
import { connectNode, type NodeTrust } from '@holdfast/api/client/node'
import { HoldfastError } from '@holdfast/api/contract/errors'
import type { Priority } from '@holdfast/api/contract/names'
import { demoPassword } from './facility.ts'
import { between, type Random } from './wording.ts'

/** Reading a message takes so long, at least and at most. */
const readMs = [1500, 20_000] as const

export interface SimulatedPersonOptions {
  url: string
  trust: NodeTrust
  fetch: Fetch
  name: string
  deviceName: string
  deviceKey: DeviceKey
  random: Random
}

/** A person at his device: an ordinary client with a session bound to the device's key. */
export class SimulatedPerson {
  readonly name: string
  private readonly o: SimulatedPersonOptions
  private client: Client | null = null
  private token: string | null = null
  private readonly readers = new Map<string, NodeJS.Timeout>()
  private away = false
  private barred = false

  constructor(options: SimulatedPersonOptions) {
    this.o = options
    this.name = options.name
  }

  /** Whether he can talk now. */
  get present(): boolean {
    return this.client?.state === 'live' && !this.away
  }

  /** Whether the node has cut him off and may let him in again: somebody has ended his session. */
  get lost(): boolean {
    return this.client?.state === 'stopped' && !this.barred
  }

  /** Signs in, if he is not, and connects. @throws HoldfastError, ConnectionStoppedError */
  async come(): Promise<void> {
    const { deviceKey, deviceName, trust, url } = this.o
    if (this.client?.state === 'stopped') this.token = null
    this.token ??= await this.signIn()
    this.away = false
    const client = connectNode({
      urls: [url],
      token: this.token,
      deviceKey,
      program: `demo (${deviceName})`,
      begin: 'unread',
      ...trust,
    })
    this.client = client
    client.on('entry', (entry) => this.readSoon(entry.channel))
    await client.live()
  }

  private async signIn(): Promise<string> {
    const { url, name, deviceKey, fetch } = this.o
    try {
      return (await login({ urls: [url], name, password: demoPassword, deviceKey, enrolled: true, fetch }))
        .token
    } catch (error) {
      // Suspended, or the device was revoked: he does not ask again.
      this.barred = error instanceof HoldfastError && error.code !== 'rate-limited'
      throw error
    }
  }

  /** Closes the connection; the session stays, as that of a phone without network does. */
  leave(): void {
    for (const timer of this.readers.values()) clearTimeout(timer)
    this.readers.clear()
    this.client?.close()
    this.client = null
  }

  /** Leaves for good: the session ends too. */
  async signOut(): Promise<void> {
    this.leave()
    const { url, deviceKey, fetch } = this.o
    if (this.token === null) return
    const { token } = this
    this.token = null
    await createApi({ urls: [url], token, deviceKey, fetch }).auth.logout.mutate()
  }

  setAway(away: boolean): void {
    this.away = away
    this.client?.setPresence(away ? 'away' : 'online')
  }

  /** Id of the channel that he may write in; null when there is none. */
  channelId(name: string): string | null {
    for (const channel of this.client?.channels.values() ?? [])
      if (channel.name === name && channel.mayPost) return channel.id
    return null
  }

  typing(channelId: string): void {
    this.client?.typing(channelId)
  }

  /** Resolves with the sequence once the node has stored it; null when he has gone meanwhile. */
  async say(
    channelId: string,
    text: string,
    options: { priority?: Priority; reply?: number },
  ): Promise<number | null> {
    if (this.client === null) return null
    try {
      return (await this.client.send(channelId, text, options)).seq
    } catch {
      // He closed the connection, or the node is going: nobody repeats a line of the demo.
      return null
    }
  }

  /** One look at the channel after a while serves for all that has come until then. */
  private readSoon(channelId: string): void {
    if (this.readers.has(channelId)) return
    const timer = setTimeout(
      () => {
        this.readers.delete(channelId)
        const { client } = this
        const head = client?.channels.get(channelId)?.head
        if (client && head !== undefined && !this.away) client.markRead(channelId, head)
      },
      between(this.o.random, ...readMs),
    )
    this.readers.set(channelId, timer)
  }
}
