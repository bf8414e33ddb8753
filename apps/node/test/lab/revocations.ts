/**
 * How soon the end of a session, and of a device, is felt at each node: somebody is connected to all of them, the owner
 * ends his access at one, and the others have to cut him off. Runs in the hub; reads the plan, JSON, and prints one line of
 * JSON, `Revocations`.
 */
import { text } from 'node:stream/consumers'
import { setTimeout as later } from 'node:timers/promises'
import { createApi } from '@holdfast/api/client/api'
import { type Client, ConnectionStoppedError } from '@holdfast/api/client/client'
import { type DeviceKey, deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { login } from '@holdfast/api/client/login'
import { connectNode, createNodeFetch } from '@holdfast/api/client/node'

export interface RevocationPlan {
  ca: string
  urls: string[]
  admin: { name: string; password: string }
  /** Begins the names of the people that it makes. */
  tag: string
}

/** Milliseconds from the owner's call until the connection to each node was ended for good. */
export interface Revocations {
  session: number[]
  device: number[]
  /** How often a node refused a session that another node had just made, because it had not heard of it yet. */
  notYetKnown: number
}

/** A hang guard: it takes milliseconds. */
const guardMs = 30_000
const retryMs = 20
const password = 'correct-horse-battery'

const plan = JSON.parse(await text(process.stdin)) as RevocationPlan
const { ca, urls, admin, tag } = plan
using fetch = createNodeFetch({ ca })
const owner = await login({ urls, fetch, ...admin })
const api = createApi({ urls, fetch, token: owner.token })
const setup = Promise.withResolvers<never>()
setTimeout(() => setup.reject(new Error(`Not all connections were ended in ${guardMs / 1000} s.`)), guardMs)

let notYetKnown = 0
const [session, device] = [await ofSession(), await ofDevice()]
const answer: Revocations = { session, device, notYetKnown }
process.stdout.write(`${JSON.stringify(answer)}\n`)
process.exit()

async function ofSession(): Promise<number[]> {
  const name = await newPerson('a')
  const { token, session } = await login({ urls, fetch, name, password })
  return cutOff({ token }, () => api.people.endSessions.mutate({ id: session.person.id }))
}

async function ofDevice(): Promise<number[]> {
  const name = await newPerson('b')
  const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: false }))
  const options = { urls, fetch, name, password, deviceKey, device: { name: `${tag} device` } }
  const first = await login(options)
  if (first.device === null) throw new Error('The device was not enrolled.')
  const { id } = first.device
  if (first.binding === 'pending') await api.devices.approve.mutate({ id })
  const { token } = first.binding === 'bound' ? first : await login({ ...options, enrolled: true })
  return cutOff({ token, deviceKey }, () => api.devices.revoke.mutate({ id, reason: 'test' }))
}

async function newPerson(suffix: string): Promise<string> {
  const name = `${tag}-${suffix}`
  await api.people.add.mutate({ name, role: 'member', password })
  return name
}

interface Credentials {
  token: string
  deviceKey?: DeviceKey
}

/** Connects to one node, which may not have heard of the session yet. */
async function connected(url: string, credentials: Credentials): Promise<Client> {
  for (;;) {
    const client = connectNode({ urls: [url], ca, ...credentials })
    try {
      await client.live()
      return client
    } catch (error) {
      if (!(error instanceof ConnectionStoppedError)) throw error
      notYetKnown += 1
      await later(retryMs)
    }
  }
}

async function cutOff(credentials: Credentials, revoke: () => Promise<unknown>): Promise<number[]> {
  const connecting = urls.map((url) => connected(url, credentials))
  const clients = await Promise.race([Promise.all(connecting), setup.promise])
  const startedAt = performance.now()
  const ends = clients.map(
    (client) =>
      new Promise<number>((resolve, reject) => {
        client.on('state', ({ state, error }) => {
          if (state !== 'stopped') return
          if (error instanceof ConnectionStoppedError) resolve(Math.round(performance.now() - startedAt))
          else reject(new Error(`a connection ended otherwise: ${error}`))
        })
      }),
  )
  await revoke()
  return Promise.race([Promise.all(ends), setup.promise])
}
