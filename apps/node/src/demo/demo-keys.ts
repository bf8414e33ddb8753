/**
 * The private keys of the demo's devices, and the mark by which a folder is known to be a demo's. Kept so that a demo
 * that is started again on its folder can go on.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type DeviceKey,
  deviceKeyOf,
  exportPrivateJwk,
  generateKeyPair,
  importPrivateJwk,
} from '@holdfast/api/client/device-key'
import * as z from 'zod'
import { atomicWriteFile } from '../platform/files.ts'

const fileName = 'demo.json'
const privateJwk = z.object({ kty: z.string(), crv: z.string(), x: z.string(), y: z.string(), d: z.string() })
const schema = z.object({
  /** Whether the history was written to its end. */
  complete: z.boolean(),
  /** Private keys by the device's name. */
  keys: z.record(z.string(), privateJwk),
})
type DemoFile = z.infer<typeof schema>

export class DemoKeys {
  private readonly path: string
  private readonly file: DemoFile
  private readonly keys: Map<string, DeviceKey>

  private constructor(path: string, file: DemoFile, keys: Map<string, DeviceKey>) {
    this.path = path
    this.file = file
    this.keys = keys
  }

  /** Makes a key for each device and marks the folder. */
  static async create(dataDir: string, deviceNames: readonly string[]): Promise<DemoKeys> {
    const file: DemoFile = { complete: false, keys: {} }
    const keys = new Map<string, DeviceKey>()
    for (const name of deviceNames) {
      const pair = await generateKeyPair({ extractable: true })
      file.keys[name] = privateJwk.parse(await exportPrivateJwk(pair))
      keys.set(name, await deviceKeyOf(pair))
    }
    const made = new DemoKeys(join(dataDir, fileName), file, keys)
    await made.write()
    return made
  }

  /** The keys in a demo's folder; null when the folder is no demo's. */
  static async load(dataDir: string): Promise<DemoKeys | null> {
    const path = join(dataDir, fileName)
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch {
      return null
    }
    const file = schema.parse(JSON.parse(text))
    const keys = new Map<string, DeviceKey>()
    for (const [name, jwk] of Object.entries(file.keys))
      keys.set(name, await deviceKeyOf(await importPrivateJwk(jwk)))
    return new DemoKeys(path, file, keys)
  }

  get complete(): boolean {
    return this.file.complete
  }

  async markComplete(): Promise<void> {
    this.file.complete = true
    await this.write()
  }

  /** @throws Error when there is no such device */
  of(deviceName: string): DeviceKey {
    const key = this.keys.get(deviceName)
    if (key === undefined) throw new Error(`The demo has no key for the device ${deviceName}.`)
    return key
  }

  private async write(): Promise<void> {
    await atomicWriteFile(this.path, `${JSON.stringify(this.file)}\n`)
  }
}
