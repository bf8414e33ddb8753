/**
 * The settings of one node. They come, the later the stronger, from
 * 1. the defaults below, 2. the file `holdfast.json` in the data folder, 3. HOLDFAST_ variables, 4. flags.
 * Anything wrong or unknown in 2–4 stops the start with one line that names it.
 */
import '@holdfast/api/contract/issue-text'
import { limits } from '@holdfast/api/contract/limits'
import * as z from 'zod'
import { logLevels } from '../platform/logger.ts'

/** Name of the settings file in the data folder. */
export const settingsFileName = 'holdfast.json'

const portSchema = z.int().min(0).max(65_535)
/** One hour is more than any slow link needs for one request. */
const timeoutSchema = z.int().min(1000).max(3_600_000)

export const configSchema = z
  .strictObject({
    dataDir: z
      .string()
      .min(1)
      .describe('Folder of everything this node keeps: databases, audit log, keys, certificates.'),
    backupDir: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of this node’s backups; may be on another disk. `null`: `backups` in the data folder.',
      ),
    port: portSchema.default(7443).describe('TCP port of HTTPS. 0 takes any free port.'),
    host: z
      .string()
      .min(1)
      .default('::')
      .describe(
        'Address to listen on. `::` is every address, IPv6 and IPv4; without IPv6 it is every IPv4 address.',
      ),
    publicNames: z
      .array(z.string().min(1).max(253))
      .max(32)
      .default([])
      .describe(
        'Host names and addresses by which clients reach this node, beside those it finds itself. They go into its certificate.',
      ),
    uiDir: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('Folder of the built admin UI. `null`: the one that comes with the program.'),
    logLevel: z.enum(logLevels).default('info').describe('The least important log lines that are written.'),
    logFormat: z
      .enum(['auto', 'text', 'json'])
      .default('auto')
      .describe('How log lines look. `auto`: text on a terminal, JSON otherwise.'),
    beaconPort: portSchema
      .min(1)
      .default(7447)
      .describe('UDP port of discovery beacons. Equal on every node of a LAN.'),
    clusterAddress: z
      .string()
      .min(1)
      .max(253)
      .nullable()
      .default(null)
      .describe(
        'Host name or address at which the other nodes of a cluster reach this one; it goes into its certificate too. `null`: the one that was given when it joined, or its first address on the LAN.',
      ),
    peerPort: portSchema
      .min(1)
      .default(7444)
      .describe('TCP port of the peer link between the nodes of a cluster.'),
    etcdPort: portSchema
      .min(1)
      .default(7445)
      .describe("TCP port of this node's etcd, on loopback only. Used in a cluster."),
    raftPort: portSchema
      .min(1)
      .default(7446)
      .describe('TCP port of Raft (etcd) between the nodes of a cluster.'),
    etcdPath: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('The etcd program. `null`: the one that comes with Holdfast, or the system’s.'),
    raftHeartbeatMs: z
      .int()
      .min(10)
      .max(5000)
      .default(100)
      .describe(
        'Period in ms of the leader’s sign of life. Equal on every node; 300 to 500 with slow disks.',
      ),
    raftElectionMs: z
      .int()
      .min(50)
      .max(50_000)
      .default(1000)
      .describe(
        'Silence of the leader in ms after which another one is elected; at least five heartbeats. Equal on every node; 3000 to 5000 with slow disks.',
      ),
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(limits.connections)
      .describe('TCP connections at once. One more is closed before its TLS handshake.'),
    maxConnectionsPerAddress: z
      .int()
      .min(0)
      .default(1000)
      .describe(
        'TCP connections at once from one remote address, so that one machine cannot take all of them. Loopback is not limited. 0: no limit, for clients behind one NAT or proxy.',
      ),
    headersTimeoutMs: timeoutSchema
      .default(10_000)
      .describe('Time in ms for the TLS handshake, and again for the headers of a request.'),
    requestTimeoutMs: timeoutSchema.default(60_000).describe('Time in ms for a whole request with its body.'),
    hstsSeconds: z
      .int()
      .min(0)
      .max(63_072_000)
      .default(0)
      .describe(
        'Lifetime of the Strict-Transport-Security header; 0 sends none. Set it once every browser trusts the CA: from then on browsers refuse this name without a valid certificate, with no way around.',
      ),
    metricsTokenFile: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'File with a token that opens `/metrics` to a remote Prometheus as `Authorization: Bearer`. `null`: the file `metrics-token` in `$CREDENTIALS_DIRECTORY`, if it is there.',
      ),
  })
  .refine((config) => config.headersTimeoutMs <= config.requestTimeoutMs, {
    path: ['headersTimeoutMs'],
    error: 'it must not be over requestTimeoutMs',
  })
  .refine((config) => config.raftElectionMs >= 5 * config.raftHeartbeatMs, {
    path: ['raftElectionMs'],
    error: 'it must be at least five times raftHeartbeatMs',
  })

export type Config = z.output<typeof configSchema>
export type ConfigKey = keyof Config
/** What a flag, a variable or the file may give. */
export type ConfigInput = Partial<z.input<typeof configSchema>>

export const configKeys = Object.keys(configSchema.shape) as ConfigKey[]

/** Settings whose flag or variable is shorter than their name. */
const shortNames: Partial<Record<ConfigKey, string>> = { dataDir: 'data' }

/** The flag of a setting, such as `--public-names`. */
export function flagName(key: ConfigKey): string {
  return `--${shortNames[key] ?? key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
}

/** The variable of a setting, such as HOLDFAST_PUBLIC_NAMES. */
export function variableName(key: ConfigKey): string {
  return `HOLDFAST_${flagName(key).slice(2).replaceAll('-', '_').toUpperCase()}`
}
