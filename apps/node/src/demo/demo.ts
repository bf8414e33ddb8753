/**
 * A node to look around in: an ordinary one, served as `holdfast serve` serves it, with the past of an invented harbour
 * in its data folder and simulated people who talk through the SDK.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createNodeFetch, fetchUntrustedCa } from '@holdfast/api/client/node'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { acquireLock } from '@holdfast/db'
import { type ServingNode, serveNode } from '../serve-node.ts'
import { fingerprint } from '../trust/certificates.ts'
import { Crowd } from './crowd.ts'
import { DemoKeys } from './demo-keys.ts'
import { people } from './facility.ts'
import { deviceNames, fillDataFolder } from './fill.ts'
import { SimulatedPerson } from './simulated-person.ts'
import { seededRandom } from './wording.ts'

/** Everybody's password is known, so nobody but this machine may sign in. */
const host = '127.0.0.1'

export interface DemoOptions {
  dataDir: string
  /** 0 takes any free port. */
  port: number
  /** Goes on with what is in the folder instead of making it anew. */
  keep: boolean
  /** Something that a simulated person could not do; the demo goes on. */
  onTrouble: (error: Error) => void
}

export interface RunningDemo {
  url: string
  caFingerprint: string
  stop(reason: string): Promise<void>
}

/**
 * Makes the data folder, serves it and lets the people in.
 * @throws HoldfastError `conflict` when the folder holds something else than a demo, LockedError when one runs on it, and
 *   what serveNode throws
 */
export async function runDemo(options: DemoOptions): Promise<RunningDemo> {
  const dataDir = resolve(options.dataDir)
  const keys = await prepareFolder(dataDir, options.keep)
  const node = await serveNode({ dataDir, port: options.port, host, logLevel: 'warn' })
  try {
    const { crowd, close } = await gather(node, keys, options.onTrouble)
    crowd.start()
    return {
      url: node.url,
      caFingerprint: node.caFingerprint,
      stop: async (reason) => {
        await crowd.stop()
        close()
        await node.stop(reason)
      },
    }
  } catch (error) {
    await node.stop('the demo could not start')
    throw error
  }
}

/** Leaves what is complete and to be kept; removes only what a demo made. */
async function prepareFolder(dataDir: string, keep: boolean): Promise<DemoKeys> {
  const old = await DemoKeys.load(dataDir)
  if (old?.complete && keep) return old
  if (old === null && existsSync(dataDir) && (await readdir(dataDir)).length > 0)
    throw new HoldfastError(
      'conflict',
      `${dataDir} holds something else than a demo, and a demo begins with an empty folder: name another one with --data.`,
    )
  if (old !== null) {
    acquireLock(dataDir).release()
    await rm(dataDir, { recursive: true })
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const keys = await DemoKeys.create(dataDir, deviceNames)
  await fillDataFolder(dataDir, keys, Date.now())
  await keys.markComplete()
  return keys
}

async function gather(
  node: ServingNode,
  keys: DemoKeys,
  onTrouble: (error: Error) => void,
): Promise<{ crowd: Crowd; close: () => void }> {
  const { url } = node
  const ca = await fetchUntrustedCa(url)
  // What people do by eye: the fingerprint on the console says whether this is the CA of this node.
  if (fingerprint(ca).colons !== node.caFingerprint)
    throw new HoldfastError('internal', `${url} is answered by another program than this node.`)
  // The name that the list of a person's sessions shows.
  const trust = { ca, userAgent: 'Holdfast demo' }
  const fetch = createNodeFetch(trust)
  const random = seededRandom(Date.now())
  const simulated = people.flatMap(({ name, device }) =>
    device === null
      ? []
      : [
          new SimulatedPerson({
            url,
            trust,
            fetch,
            name,
            deviceName: device.name,
            deviceKey: keys.of(device.name),
            random,
          }),
        ],
  )
  const crowd = new Crowd({ url, fetch, people: simulated, random, onTrouble })
  return { crowd, close: () => fetch[Symbol.dispose]() }
}
