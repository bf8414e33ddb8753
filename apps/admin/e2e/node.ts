/** A real node for the specs: a process of bin/holdfast on a free port with a data folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../../..')
const holdfast = join(root, 'bin/holdfast')
/** Hang guards: a start takes about a second. */
const startTimeoutMs = 60_000
const stopTimeoutMs = 20_000

/** The owner of a node that is set up without a browser. */
export const owner = {
  name: 'warden',
  displayName: 'Wanda Warden',
  password: 'violet canyon ladder mosaic',
} as const
export const facility = 'North Harbour'
export const nodeName = 'server-room-1'

export interface TestNode extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** As printed at the start; null once the node is set up. */
  readonly setupCode: string | null
  readonly caFingerprint: string
  /** As `init` printed them; empty for a node that is to be set up in the browser. */
  readonly recoveryCodes: string[]
  /** Stops the daemon and keeps its data. */
  stop(): Promise<void>
  /** Starts it again, on the same port. */
  start(): Promise<void>
}

export interface TestNodeOptions {
  /** False: the set-up is left to the browser. */
  isSetUp?: boolean
  /** With ports of its own for the other nodes of a cluster, which all run on this machine. */
  inCluster?: boolean
  /** Folder in the place of / for what belongs to the machine and not to the node. */
  machineRoot?: string
}

/** Where the nodes of a test find each other. */
export const clusterAddress = '127.0.0.1'

/** Flags that keep nodes on one machine apart. */
async function clusterFlags(): Promise<string[]> {
  const [peer, raft, etcd] = await freePorts(3)
  return [
    ...['--cluster-address', clusterAddress, '--peer-port', `${peer}`],
    ...['--raft-port', `${raft}`, '--etcd-port', `${etcd}`],
  ]
}

/** Ports that nobody listens on now; all are held until the last is found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<Server>((done, fail) => {
          const server = createServer().once('error', fail)
          server.listen(0, clusterAddress, () => done(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/** Runs the command to its end. @throws Error with what it printed when it fails */
export async function runHoldfast(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(holdfast, args, { env: { ...process.env, ...env } })
  return stdout
}

interface Banner {
  url: string
  setupCode: string | null
  caFingerprint: string
}

/** Waits until the node has printed where it serves; fails with all it printed when it ends before. */
function readBanner(child: ChildProcess): Promise<Banner> {
  return new Promise((done, fail) => {
    let text = ''
    const timer = setTimeout(
      () => fail(new Error(`The node did not start in time:\n${text}`)),
      startTimeoutMs,
    )
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      const url = text.match(/serves (https:\/\/\S+)/)?.[1]
      const caFingerprint = text.match(/CA fingerprint\s+([0-9A-F:]{95})/)?.[1]
      const isWhole = /CA fingerprint.*\n/.test(text)
      if (url === undefined || caFingerprint === undefined || !isWhole) return
      clearTimeout(timer)
      done({ url, caFingerprint, setupCode: text.match(/Set-up code\s+(\S+)/)?.[1] ?? null })
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(new Error(`The node ended with ${code} before it served:\n${text}`))
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((done) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    child.once('exit', () => {
      clearTimeout(timer)
      done()
    })
    child.kill('SIGTERM')
  })
}

/** A started node. */
export async function startNode({
  isSetUp = true,
  inCluster = false,
  machineRoot,
}: TestNodeOptions = {}): Promise<TestNode> {
  const flags = inCluster ? await clusterFlags() : []
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-e2e-'))
  const dataDir = join(folder, 'data')
  let recoveryCodes: string[] = []
  if (isSetUp) {
    const passwordFile = join(folder, 'password')
    await writeFile(passwordFile, owner.password, { mode: 0o600 })
    const made: { recoveryCodes: string[] } = JSON.parse(
      await runHoldfast([
        ...['init', '--data', dataDir, '--facility', facility, '--node', nodeName, '--json'],
        ...[
          '--admin',
          owner.name,
          '--display-name',
          owner.displayName,
          '--admin-password-file',
          passwordFile,
        ],
      ]),
    )
    recoveryCodes = made.recoveryCodes
  }

  let child: ChildProcess | null = null
  const start = async (port: number) => {
    child = spawn(holdfast, ['serve', '--data', dataDir, '--port', String(port), ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: machineRoot === undefined ? process.env : { ...process.env, HOLDFAST_MACHINE_ROOT: machineRoot },
    })
    return readBanner(child)
  }
  const stop = async () => {
    if (child !== null) await end(child)
    child = null
  }
  const banner = await start(0)
  const port = Number(new URL(banner.url).port)
  return {
    ...banner,
    port,
    dataDir,
    recoveryCodes,
    stop,
    start: async () => {
      await start(port)
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
