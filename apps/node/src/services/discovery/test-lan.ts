/**
 * A small LAN inside this machine: one switch and hosts, each in a network namespace of its own. Nothing that happens
 * in it reaches another network. Needs root and iproute2.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)
/** Debian keeps daemons where an ordinary PATH does not look. */
const searchPath = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`
const STOP_TIMEOUT_MS = 5_000

/** @throws Error with the line that installs what is missing. */
export function requireTools(tools: Record<string, string>): void {
  for (const [tool, debianPackage] of Object.entries(tools)) {
    const found = searchPath.split(delimiter).some((folder) => isExecutable(join(folder, tool)))
    if (!found) throw new Error(`${tool} is missing. Install it: apt-get install -y ${debianPackage}`)
  }
  if (process.getuid?.() !== 0) throw new Error('Network namespaces need root. Run the tests as root.')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export class TestLan {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-lan-'))
  readonly #prefix = `hf${process.pid}`
  readonly #namespaces = new Set<string>()
  readonly #children: ChildProcess[] = []
  readonly #cleanUp = () => this.#removeNamespaces()
  #ports = 0

  /** Makes the switch. */
  constructor() {
    process.once('exit', this.#cleanUp)
    this.#addNamespace('switch')
    this.ip('switch', 'link add br0 type bridge')
    this.ip('switch', 'link set br0 up')
  }

  /** A host with one interface `lan0` on the switch. */
  addHost(name: string, ...cidrs: string[]): void {
    this.#addNamespace(name)
    const port = `port${this.#ports++}`
    this.ip('switch', `link add ${port} type veth peer name lan0 netns ${this.#full(name)}`)
    this.ip('switch', `link set ${port} master br0 up`)
    this.addAddresses(name, 'lan0', ...cidrs)
  }

  /** Gives addresses and switches the interface on; IPv6 ones are usable at once. */
  addAddresses(host: string, device: string, ...cidrs: string[]): void {
    for (const cidr of cidrs)
      this.ip(
        host,
        cidr.includes(':') ? `addr add ${cidr} dev ${device} nodad` : `addr add ${cidr} brd + dev ${device}`,
      )
    this.ip(host, `link set ${device} up`)
  }

  /** A direct cable between two hosts. */
  connect(
    a: { host: string; device: string; cidr: string },
    b: { host: string; device: string; cidr: string },
  ): void {
    if (!this.#namespaces.has(b.host)) this.#addNamespace(b.host)
    this.ip(a.host, `link add ${a.device} type veth peer name ${b.device} netns ${this.#full(b.host)}`)
    for (const end of [a, b]) this.addAddresses(end.host, end.device, end.cidr)
  }

  /** Runs `ip <words>` in the host. */
  ip(host: string, words: string): string {
    return execFileSync('ip', ['-n', this.#full(host), ...words.split(' ')], {
      encoding: 'utf8',
      env: this.#env(),
    })
  }

  /** Runs a command in the host to its end and gives its output. */
  async run(host: string, command: string[], env: Record<string, string> = {}): Promise<string> {
    const args = ['netns', 'exec', this.#full(host), ...command]
    const { stdout } = await execFileAsync('ip', args, { env: this.#env(env), timeout: 30_000 })
    return stdout
  }

  /** Starts a command in the host; it ends with the LAN at the latest. */
  spawn(host: string, command: string[], env: Record<string, string> = {}): ChildProcess {
    const args = ['netns', 'exec', this.#full(host), ...command]
    const child = spawn('ip', args, { env: this.#env(env), stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    return child
  }

  /**
   * A private D-Bus and avahi-daemon in the host, as Debian ships it, with its own `/run`.
   * @returns the environment with which avahi's tools find it
   */
  async startAvahi(host: string): Promise<Record<string, string>> {
    const socket = join(this.folder, `${host}.dbus`)
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socket}` }
    const busConfig = join(this.folder, `${host}.dbus.conf`)
    writeFileSync(busConfig, busConfigText(socket))
    const bus = this.spawn(host, ['dbus-daemon', `--config-file=${busConfig}`, '--nofork', '--print-address'])
    await once(bus.stdout ?? bus, 'data')
    const config = join(this.folder, `${host}.avahi.conf`)
    writeFileSync(
      config,
      `[server]\nhost-name=${host}\nallow-interfaces=lan0\n[wide-area]\nenable-wide-area=no\n`,
    )
    // `ip netns exec` gives a mount namespace: this /run is nobody else's, and the pid file's place is free.
    const script = `mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && exec avahi-daemon -f ${config} --no-drop-root --no-chroot --no-rlimits`
    const avahi = this.spawn(host, ['sh', '-c', script], env)
    await waitForOutput(avahi, /Server startup complete/)
    return env
  }

  /** Ends one child by its signal and waits for it. */
  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => this.stop(child)))
    this.#removeNamespaces()
    process.off('exit', this.#cleanUp)
    rmSync(this.folder, { recursive: true, force: true })
  }

  #full = (name: string) => `${this.#prefix}-${name}`

  #env = (env: Record<string, string> = {}) => ({ ...process.env, PATH: searchPath, ...env })

  #addNamespace(name: string): void {
    execFileSync('ip', ['netns', 'add', this.#full(name)], { env: this.#env() })
    this.#namespaces.add(name)
    this.ip(name, 'link set lo up')
  }

  #removeNamespaces(): void {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL')
    for (const name of this.#namespaces)
      execFileSync('ip', ['netns', 'del', this.#full(name)], { env: this.#env(), stdio: 'ignore' })
    this.#namespaces.clear()
  }
}

async function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<void> {
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (pattern.test(output)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', () => reject(new Error(`It ended before ${pattern} was seen:\n${output}`)))
  })
}

const busConfigText = (
  socket: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="org.freedesktop.Avahi"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`
