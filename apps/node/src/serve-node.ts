/** Runs a node in this process, and runs it anew when it changes what it is: alone, in a cluster, with another state. */
import type { ClusterNode } from './cluster/cluster-node.ts'
import type { Config, ConfigInput } from './config/config.ts'
import { type Environment, readEnvironment } from './config/env.ts'
import { loadConfig } from './config/load-config.ts'
import { type FailureListener, version } from './core.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { Node } from './node.ts'
import { systemClock } from './platform/clock.ts'
import { createLogger, type Logger } from './platform/logger.ts'
import { Restarts } from './platform/restarts.ts'
import { ServiceManager } from './platform/sd-notify.ts'

/** A restart waits so long that the call which asked for it is answered, ms. */
const restartDelayMs = 200
/** Exit status by which the service manager starts the program again (sysexits.h, EX_TEMPFAIL). */
const startAgainStatus = 75

export interface ServingNode {
  url: string
  port: number
  /** Address it listens on. */
  host: string
  /** The one-time code, while the node is not set up. */
  setupCode: string | null
  caFingerprint: string
  stop(reason: string): Promise<void>
}

/**
 * Runs a node until `stop`.
 * @throws ConfigError, the data folder's errors, ListenError: each in one line that says how to mend it
 */
export async function serveNode(flags: ConfigInput): Promise<ServingNode> {
  const environment = readEnvironment()
  const config = await loadConfig({ flags, variables: environment.holdfast })
  const logger = createLogger(
    config.logFormat === 'auto'
      ? { level: config.logLevel }
      : { level: config.logLevel, readable: config.logFormat === 'text' },
  )
  const manager = new ServiceManager({
    socket: environment.notifySocket,
    watchdogMs: environment.watchdogMs,
    logger,
  })
  const serving = new Serving(config, environment, logger)
  const { port, folder, setupCode } = await serving.start()
  const url = urlOf(config.host, port)
  await manager.ready(`serves ${url}`)
  return {
    url,
    port,
    host: config.host,
    caFingerprint: folder.caFingerprint.colons,
    setupCode,
    stop: async (reason) => {
      logger.info({ reason }, 'stopping')
      await manager.stopping()
      await serving.stop()
      await manager[Symbol.asyncDispose]()
      logger.info('stopped')
    },
  }
}

class Serving {
  private readonly environment: Environment
  private readonly logger: Logger
  private config: Config
  private node: Node | null = null
  private starting: Promise<unknown> | null = null
  private readonly restarts = new Restarts({
    stop: (reason) => this.stopToStart(reason),
    start: () => this.startAnew(),
  })

  constructor(config: Config, environment: Environment, logger: Logger) {
    this.config = config
    this.environment = environment
    this.logger = logger
  }

  start(): Promise<{ port: number; folder: DataFolder; setupCode: string | null }> {
    const started = this.open()
    this.starting = started.catch(() => {})
    return started
  }

  private async open(): Promise<{ port: number; folder: DataFolder; setupCode: string | null }> {
    const { config, logger, environment } = this
    const folder = await openDataFolder({
      dataDir: config.dataDir,
      facility: 'Holdfast',
      nodeName: null,
      publicNames: config.publicNames,
      clock: systemClock,
    })
    const restart = (reason: string) => this.restarts.ask(reason)
    let node: Node
    try {
      const makeCluster = await clusterMaker({ folder, config, logger, restart })
      const { listeningSockets } = environment
      node = new Node({ config, folder, logger, listeningSockets, makeCluster, restart })
    } catch (error) {
      folder.close()
      throw error
    }
    try {
      const port = await node.start()
      this.node = node
      // A port that was chosen stays the same over restarts.
      this.config = { ...config, port }
      return { port, folder, setupCode: await node.setupCode() }
    } catch (error) {
      await node.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.restarts.end()
    await this.node?.stop()
    this.node = null
  }

  private async stopToStart(reason: string): Promise<void> {
    this.logger.info({ reason }, 'the node starts anew')
    try {
      await new Promise((resolve) => setTimeout(resolve, restartDelayMs))
      // A state may arrive while the node is still starting.
      await this.starting
      await this.node?.stop()
      this.node = null
    } catch (error) {
      this.fail(error)
    }
    // Sockets of the service manager are handed out once for each process.
    if (this.environment.listeningSockets.length > 0) process.exit(startAgainStatus)
  }

  private async startAnew(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): never {
    this.logger.fatal({ err: error }, 'the node could not start anew')
    process.exit(startAgainStatus)
  }
}

/** Builds a node's part in its cluster. Loaded only by members: a single node never pays for it. */
async function clusterMaker(options: {
  folder: DataFolder
  config: Config
  logger: Logger
  restart: (reason: string) => void
}): Promise<((onFailure: FailureListener) => ClusterNode) | null> {
  const membership = options.folder.membership.read()
  if (membership === null) return null
  const { ClusterNode } = await import('./cluster/cluster-node.ts')
  return (onFailure) => new ClusterNode({ ...options, membership, version, clock: systemClock }, onFailure)
}

/** Where a node that listens on `host` is reached from its own machine. */
export function urlOf(host: string, port: number): string {
  if (['::', '0.0.0.0', '::1', '127.0.0.1'].includes(host)) return `https://localhost:${port}`
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}
