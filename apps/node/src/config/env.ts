/** The one place that reads the environment of the process. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What the node takes from its environment. */
export interface Environment {
  /** The HOLDFAST_ variables by their full name, and in the same form the files that systemd passed as credentials. */
  holdfast: Record<string, string>
  /** Socket of the service manager (sd_notify(3)). */
  notifySocket: string | null
  /** Period in ms in which the service manager expects a sign of life. */
  watchdogMs: number | null
  /** File descriptors of listening sockets that the service manager opened (sd_listen_fds(3)). */
  listeningSockets: number[]
  /** Folder of the files that systemd passed as credentials (systemd.exec(5)). */
  credentials: string | null
  /** Home of the user, where the command line keeps its profiles. */
  home: string | null
  /** Configuration folder of the user (XDG Base Directory Specification). */
  configHome: string | null
  /** Whether colours are unwanted (no-color.org). */
  noColor: boolean
  /** Whether a command that fails also prints the stack (HOLDFAST_DEBUG); not a setting of the node. */
  debug: boolean
  /** Where the machine's own files begin (HOLDFAST_MACHINE_ROOT); another place than / in tests. */
  machineRoot: string
  /** All of it, for programs that the user might have called himself. */
  inherited: Record<string, string>
}

type Variables = Readonly<Record<string, string | undefined>>

const debugVariable = 'HOLDFAST_DEBUG'
const machineVariable = 'HOLDFAST_MACHINE_ROOT'

/** Kubernetes gives every pod such variables for a Service that is called `holdfast`. */
const kubernetesServiceLink = /^HOLDFAST_(SERVICE_|PORT_\d)/

export function readEnvironment(variables: Variables = process.env): Environment {
  const text = (name: string) => variables[name] || null
  return {
    holdfast: { ...fromCredentials(variables.CREDENTIALS_DIRECTORY), ...ours(variables) },
    notifySocket: text('NOTIFY_SOCKET'),
    watchdogMs: watchdogMs(variables),
    listeningSockets: listeningSockets(variables),
    credentials: text('CREDENTIALS_DIRECTORY'),
    home: text('HOME'),
    configHome: text('XDG_CONFIG_HOME'),
    noColor: text('NO_COLOR') !== null,
    debug: text(debugVariable) !== null,
    machineRoot: text(machineVariable) ?? '/',
    inherited: Object.fromEntries(
      Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  }
}

/** Settings that name a secret file, by the credential that stands in for them (systemd.exec(5), `LoadCredential=`). */
const credentialSettings = { 'metrics-token': 'HOLDFAST_METRICS_TOKEN_FILE' } as const

function fromCredentials(directory: string | undefined): Record<string, string> {
  if (!directory) return {}
  const present = Object.entries(credentialSettings).filter(([name]) => existsSync(join(directory, name)))
  return Object.fromEntries(present.map(([name, variable]) => [variable, join(directory, name)]))
}

function ours(variables: Variables): Record<string, string> {
  const entries = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[0].startsWith('HOLDFAST_') && isOurs(entry[0], entry[1]),
  )
  return Object.fromEntries(entries)
}

/** An empty variable counts as not set; so does Kubernetes' HOLDFAST_PORT, which is an address and not a port. */
function isOurs(name: string, value: string | undefined): boolean {
  if (value === undefined || value === '' || name === debugVariable || name === machineVariable) return false
  if (name === 'HOLDFAST_PORT' && value.startsWith('tcp://')) return false
  return !kubernetesServiceLink.test(name)
}

/** WATCHDOG_USEC is meant for the process that WATCHDOG_PID names, or for any without one (sd_watchdog_enabled(3)). */
function watchdogMs(variables: Variables): number | null {
  const periodMs = Number(variables.WATCHDOG_USEC) / 1000
  const pid = variables.WATCHDOG_PID
  if (!(periodMs > 0) || (pid && Number(pid) !== process.pid)) return null
  return periodMs
}

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const firstListeningFd = 3
/** A unit has one socket or two; a wild number must not make a list without end. */
const maxListeningSockets = 16

/** LISTEN_FDS is meant for the process that LISTEN_PID names. */
function listeningSockets(variables: Variables): number[] {
  const count = Number(variables.LISTEN_FDS)
  if (!Number.isInteger(count) || count < 1 || Number(variables.LISTEN_PID) !== process.pid) return []
  return Array.from({ length: Math.min(count, maxListeningSockets) }, (_, index) => firstListeningFd + index)
}
