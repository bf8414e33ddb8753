/** Where the set-up without a person comes from, and who does it. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SignatureError, verifiedContent } from './cms.ts'
import { leaveJoinOffer, noteSetup } from './join-offer.ts'
import { setNetwork } from './network.ts'
import type { AppliancePaths } from './paths.ts'
import {
  type FacilitySetup,
  maxSetupBytes,
  parseSetupFile,
  type SetupFile,
  SetupFileError,
} from './setup-file.ts'
import { type RunTool, ToolError } from './tools.ts'

export const credentialName = 'holdfast.setup'
/** Label of a stick with a set-up file. */
export const stickLabel = 'HOLDFAST'
export const stickFile = 'holdfast-setup.p7s'
const mountPoint = '/run/holdfast-stick'

export interface UnattendedOptions {
  paths: AppliancePaths
  /** Folder of the unit's credentials; null: none. */
  credentials: string | null
  run: RunTool
  owner: { uid: number; gid: number }
  say: (line: string) => void
  /** The command of this installation. */
  command?: readonly string[]
}

/**
 * Sets the node up when it is not yet and a set-up is offered; a cluster is joined later, beside the daemon. What is wrong
 * with it is said on the console, and the node then waits for a browser as without it.
 * @returns whether a set-up was taken
 */
export async function setUpUnattended(options: UnattendedOptions): Promise<boolean> {
  const { paths, say } = options
  if (isSetUp(paths)) return false
  try {
    const offered = fromCredential(options) ?? (await fromStick(options))
    if (offered === null) return false
    if (offered.network) await setNetwork(paths, offered.network, options.run)
    if ('join' in offered) {
      await leaveJoinOffer(paths, offered)
      say(`SET-UP-JOIN node ${offered.nodeName} is to join the cluster of the code`)
      return true
    }
    await initialise(offered, options)
    say(`SET-UP ${offered.facility}, node ${offered.nodeName}, owner ${offered.owner}`)
    return true
  } catch (error) {
    if (!(error instanceof SetupFileError || error instanceof ToolError)) throw error
    say(`SET-UP-REFUSED ${error.message}`)
    await noteSetup(paths, `refused: ${error.message}`)
    return false
  }
}

/** A node that started once has databases; until it is set up, the code for that lies beside them. */
function isSetUp(paths: AppliancePaths): boolean {
  return existsSync(join(paths.node, 'cluster.db')) && !existsSync(join(paths.node, 'setup-code'))
}

function fromCredential({ credentials }: UnattendedOptions): SetupFile | null {
  const file = credentials === null ? null : join(credentials, credentialName)
  if (file === null || !existsSync(file)) return null
  return parseSetupFile(readFileSync(file, 'utf8'), `the credential ${credentialName}`)
}

async function fromStick({ paths, run }: UnattendedOptions): Promise<SetupFile | null> {
  const device = `/dev/disk/by-label/${stickLabel}`
  if (!existsSync(device)) return null
  mkdirSync(mountPoint, { recursive: true, mode: 0o700 })
  await run('mount', ['-t', 'vfat,exfat', '-o', 'ro,nosuid,nodev,noexec', device, mountPoint])
  try {
    return setupOnStick(mountPoint, paths)
  } finally {
    await run('umount', [mountPoint])
    rmSync(mountPoint, { recursive: true, force: true })
  }
}

/**
 * The file is a CMS message (RFC 5652) that holds the set-up and the signature of somebody the image trusts.
 * @param folder where the stick is mounted
 * @returns null when the stick has no such file
 * @throws SetupFileError
 */
export function setupOnStick(folder: string, paths: AppliancePaths): SetupFile | null {
  const file = join(folder, stickFile)
  if (!existsSync(file)) return null
  const trusted = readFileSync(paths.setupRoot, 'utf8')
  let text: string
  try {
    text = verifiedContent(signedMessage(file), trusted).toString()
  } catch (cause) {
    if (!(cause instanceof SignatureError)) throw cause
    throw new SetupFileError(
      `The file ${stickFile} on the stick is not signed by somebody this image trusts: sign it with the key of the image's vendor.`,
      { cause },
    )
  }
  return parseSetupFile(text, `the file ${stickFile} on the stick`)
}

function signedMessage(file: string): Buffer {
  try {
    const stat = statSync(file)
    if (!stat.isFile()) throw new Error('it is no ordinary file')
    if (stat.size > maxSetupBytes)
      throw new SetupFileError(`The file ${stickFile} on the stick is larger than ${maxSetupBytes} bytes.`)
    return readFileSync(file)
  } catch (cause) {
    if (cause instanceof SetupFileError) throw cause
    throw new SetupFileError(
      `The file ${stickFile} on the stick cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

/** Runs `holdfast init` as the daemon's own user, the password on its standard input. */
function initialise(setup: FacilitySetup, { paths, owner, command }: UnattendedOptions): Promise<void> {
  const [program = '/usr/bin/holdfast', ...before] = command ?? ['/usr/bin/holdfast']
  const args = [
    'init',
    '--data',
    paths.node,
    '--facility',
    setup.facility,
    '--node',
    setup.nodeName,
    '--admin',
    setup.owner,
  ]
  if (setup.displayName) args.push('--display-name', setup.displayName)
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...before, ...args, '--admin-password-file', '-', '--json'], {
      ...owner,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let faults = ''
    child.stderr.on('data', (chunk: Buffer) => {
      faults = (faults + chunk.toString()).slice(-2000)
    })
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve()
      else reject(new SetupFileError(`The set-up failed: ${faults.trim().replaceAll(/\s+/g, ' ')}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(`${setup.password}\n`)
  })
}
