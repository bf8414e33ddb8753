/** The device key of a program in Node: a JWK in a file that only its owner can read. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  type DeviceKey,
  deviceKeyOf,
  exportPrivateJwk,
  generateKeyPair,
  importPrivateJwk,
} from './device-key.ts'

/**
 * The key in `path`; null when there is no such file.
 * @throws Error when the file is there and is not a key.
 */
export async function loadKeyFile(path: string): Promise<DeviceKey | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw new Error(
      `The device key ${path} cannot be read. Check that it belongs to you and has mode 0600.`,
      { cause },
    )
  }
  try {
    return await deviceKeyOf(await importPrivateJwk(JSON.parse(text)))
  } catch (cause) {
    throw new Error(`${path} does not hold a device key. Move it away and log in again to make a new one.`, {
      cause,
    })
  }
}

/** Makes a key and stores it in `path`, with mode 0600, complete or not at all. */
export async function createKeyFile(path: string): Promise<DeviceKey> {
  const pair = await generateKeyPair({ extractable: true })
  await writePrivateFile(path, `${JSON.stringify(await exportPrivateJwk(pair))}\n`)
  return deviceKeyOf(pair)
}

/** Writes a file that only its owner can read: beside it first, then in its place. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const beside = `${path}.${process.pid}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
