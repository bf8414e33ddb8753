import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchError } from './bench-error.ts'
import { ServerProcess } from './child.ts'
import { freePort } from './network.ts'
import { TrpcClient } from './trpc.ts'

const command = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'holdfast')
const adminName = 'bench-admin'

/** A node's data directory, made by `holdfast init`, and what is needed to enter it. */
export interface HoldfastData {
  directory: string
  adminPassword: string
}

export interface RunningHoldfast extends AsyncDisposable {
  pid: number
  port: number
  /** Signed in as the owner. */
  admin: TrpcClient
}

export const missingHoldfast = (): string | undefined =>
  existsSync(command) ? undefined : 'bin/holdfast is missing'

export const holdfastVersion = (): string => execFileSync(command, ['--version'], { encoding: 'utf8' }).trim()

/** `holdfast init` into a directory below `workspace`. */
export function initHoldfast(workspace: string): HoldfastData {
  const directory = join(workspace, 'data')
  const passwordFile = join(workspace, 'admin-password')
  const adminPassword = newPassword()
  writeFileSync(passwordFile, adminPassword, { mode: 0o600 })
  const names = ['--facility', 'Bench', '--node', 'bench', '--admin', adminName]
  try {
    execFileSync(command, ['init', '--data', directory, ...names, '--admin-password-file', passwordFile], {
      stdio: 'pipe',
      encoding: 'utf8',
    })
  } catch (error) {
    throw new BenchError(`holdfast init failed: ${(error as { stderr?: string }).stderr ?? error}`)
  }
  return { directory, adminPassword }
}

/** The process alone, as soon as it answers /readyz. */
export async function serveHoldfast(
  data: HoldfastData,
  options: { logFile: string; pollMs?: number },
): Promise<{ server: ServerProcess; port: number }> {
  const port = await freePort()
  const server = new ServerProcess({
    command,
    args: ['serve', '--data', data.directory, '--port', String(port)],
    logFile: options.logFile,
  })
  await server.waitUntil(
    async () => {
      using client = new TrpcClient(port)
      return await client.isReady()
    },
    { timeoutMs: 60_000, pollMs: options.pollMs ?? 50 },
  )
  return { server, port }
}

/** `holdfast serve` on existing data, with the owner signed in. */
export async function startHoldfast(data: HoldfastData): Promise<RunningHoldfast> {
  const { server, port } = await serveHoldfast(data, { logFile: `${data.directory}.log` })
  const admin = new TrpcClient(port)
  admin.use(await admin.login(adminName, data.adminPassword))
  return {
    pid: server.pid,
    port,
    admin,
    [Symbol.asyncDispose]: async () => {
      admin[Symbol.dispose]()
      await server.stop()
    },
  }
}

export const newPassword = (): string => randomBytes(16).toString('hex')
