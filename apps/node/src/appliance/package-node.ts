/** The daemon of a machine with a package: its unit, its socket for port 443, and where it answers. */
import { LocalNode, type NodeReadiness } from './local-node.ts'
import type { AppliancePaths } from './paths.ts'
import type { RunTool } from './tools.ts'
import type { NodeService } from './updater.ts'

const service = 'holdfast.service'
const socket = 'holdfast-443.socket'
/** A start takes as long as the unit allows, and no stop takes longer. */
const startTimeoutMs = 6 * 60_000

/** Starts and stops the daemon together with the socket, by which any client could start it again in between. */
export class PackageService implements NodeService {
  readonly #run: RunTool
  #hadSocket = false

  constructor(run: RunTool) {
    this.#run = run
  }

  async start(): Promise<void> {
    // One whose start failed too often is not started again otherwise.
    await this.#systemctl('reset-failed', service).catch(() => {})
    // The program that stopped it may be gone.
    const isEnabled = (await this.#systemctl('is-enabled', socket).catch(() => '')).trim() === 'enabled'
    if (this.#hadSocket || isEnabled) await this.#systemctl('start', socket).catch(() => {})
    // A version that does not start is found by whoever asks whether it is ready.
    await this.#systemctl('start', service).catch(() => {})
  }

  async stop(): Promise<void> {
    this.#hadSocket ||= (await this.#systemctl('is-active', socket).catch(() => '')).trim() === 'active'
    if (this.#hadSocket) await this.#systemctl('stop', socket)
    await this.#systemctl('stop', service)
  }

  #systemctl(...args: string[]): Promise<string> {
    return this.#run('systemctl', args, { timeoutMs: startTimeoutMs })
  }
}

/** Asks the daemon at the port that it told systemd. */
export class PackageNode {
  readonly #paths: AppliancePaths
  readonly #run: RunTool

  constructor(paths: AppliancePaths, run: RunTool) {
    this.#paths = paths
    this.#run = run
  }

  async readiness(): Promise<NodeReadiness> {
    const shown = await this.#run('systemctl', ['show', '--property=StatusText,ActiveState,Result', service])
    const port = /^StatusText=.*https:\/\/localhost:(\d+)/m.exec(shown)?.[1]
    if (port !== undefined) return await new LocalNode(this.#paths, Number(port)).readiness()
    const [state, result] = ['ActiveState', 'Result'].map(
      (key) => new RegExp(`^${key}=(.*)$`, 'm').exec(shown)?.[1],
    )
    // systemd has given it up.
    const final = state === 'failed'
    return { ready: false, reason: `the service is ${state ?? 'unknown'} (${result ?? 'unknown'})`, final }
  }
}
