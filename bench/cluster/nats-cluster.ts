import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, hub, type Lab } from '../../apps/node/test/lab/lab.ts'
import type { LoadResult, Room } from '../driver/plan.ts'
import { BenchError } from '../lib/bench-error.ts'
import { ServerProcess } from '../lib/child.ts'
import { missingPackages, packageVersion } from '../lib/debian.ts'
import { type Certificate, makeCertificate } from '../lib/network.ts'
import { type ClusterSystem, clusterSize, hostOf, type Load } from './cluster-system.ts'

const clientPort = 4222
const routePort = 6222
const monitorPort = 8222
const stream = 'bench'
const streamScript = join(import.meta.dirname, 'nats-stream.ts')
const readyPollMs = 200

/** Debian's NATS server: one stream with three replicas in files, which orders all messages as one log does. */
export const natsCluster: ClusterSystem = {
  name: 'nats',
  setup:
    "JetStream of Debian's package: one stream, three replicas, file storage, default settings, TLS for clients and routes",
  countsFlushes: 'fsync and fdatasync calls of three servers, seen by strace, which stops no other call',
  missing: () => missingPackages(['nats-server', 'strace']),
  version: () => packageVersion('nats-server') ?? '',

  async start(lab, loads) {
    const certificate = makeCertificate(
      lab.folder,
      lab.nodes.map((host) => lab.address(host)),
    )
    const servers = lab.nodes.map((host) => startServer(lab, host, certificate))
    const stop = async () => {
      await Promise.all(servers.map((server) => server.stop()))
    }
    try {
      for (const [index, server] of servers.entries())
        await server.waitUntil(() => isHealthy(lab, lab.nodes[index]!))
      const settings = { name: stream, subjects: [`${stream}.>`], num_replicas: clusterSize, storage: 'file' }
      await servers[0]!.waitUntil(
        async () => {
          const answer = await ask(lab, `STREAM.CREATE.${stream}`, { ...settings, retention: 'limits' })
          return answer.error === undefined
        },
        { timeoutMs: 30_000, pollMs: readyPollMs },
      )
      return {
        members: servers.map(({ pid }) => ({ pid, databaseFile: null })),
        roomsOf: loads.map((load, number) => roomsOf(lab, load, number)),
        flushes: async () => lab.nodes.reduce((total, host) => total + flushesOf(lab, host), 0),
        check: (results) => check(lab, results),
        [Symbol.asyncDispose]: stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  },
}

const traceOf = (lab: Lab, host: Host): string => join(lab.folder, `nats-${host}.trace`)

/** The server is the child itself: strace looks on from a process of its own (-D), and only at flushes (--seccomp-bpf). */
function startServer(lab: Lab, host: Host, certificate: Certificate): ServerProcess {
  const folder = join(lab.folder, `nats-${host}`)
  mkdirSync(folder, { mode: 0o700 })
  const file = join(lab.folder, `nats-${host}.conf`)
  writeFileSync(file, configuration(lab, host, folder, certificate))
  const calls = ['-e', 'trace=fsync,fdatasync', '-e', 'signal=none']
  const trace = ['strace', '-D', '-f', '--seccomp-bpf', '-qqq', ...calls, '-o', traceOf(lab, host)]
  const [command = '', ...words] = [...lab.within(host), ...trace, 'nats-server', '--config', file]
  return new ServerProcess({ command, args: words, logFile: join(lab.folder, `nats-${host}.log`) })
}

function configuration(
  lab: Lab,
  host: Host,
  folder: string,
  { keyFile, certificateFile }: Certificate,
): string {
  const tls = `tls { cert_file: "${certificateFile}", key_file: "${keyFile}", ca_file: "${certificateFile}" }`
  const others = lab.nodes.filter((each) => each !== host)
  const routes = others.map((each) => `"nats-route://${lab.address(each)}:${routePort}"`)
  return [
    `server_name: ${host}`,
    `listen: "${lab.address(host)}:${clientPort}"`,
    `http: "127.0.0.1:${monitorPort}"`,
    tls,
    `jetstream { store_dir: "${folder}" }`,
    `cluster { name: ${stream}, listen: "${lab.address(host)}:${routePort}", routes: [${routes.join()}], ${tls} }`,
  ].join('\n')
}

async function isHealthy(lab: Lab, host: Host): Promise<boolean> {
  await lab.run(host, ['curl', '--silent', '--fail', `http://127.0.0.1:${monitorPort}/healthz`])
  return true
}

interface Answer {
  error?: { description: string }
  state?: { messages: number }
  cluster?: { replicas?: { name: string; current: boolean; lag?: number }[] }
}

async function ask(lab: Lab, what: string, request: object): Promise<Answer> {
  const target = [lab.address(lab.nodes[0]!), String(clientPort), `$JS.API.${what}`, JSON.stringify(request)]
  return JSON.parse(await lab.run(hub, [process.execPath, streamScript, ...target])) as Answer
}

function roomsOf(lab: Lab, { writers }: Load, load: number): Room[] {
  return Array.from({ length: writers }, (_, writer) => ({
    address: `${stream}.${load}.${writer}`,
    members: [{ name: `writer-${writer}`, secret: '' }],
    endpoint: { protocol: 'nats', host: lab.address(hostOf(lab, writer)), port: clientPort },
  }))
}

/** A call that another thread interrupts in the trace is written on two lines, of which the second has no parenthesis. */
function flushesOf(lab: Lab, host: Host): number {
  const file = traceOf(lab, host)
  if (!existsSync(file)) throw new BenchError(`strace wrote nothing about ${host}`)
  return readFileSync(file, 'latin1').match(/\b(fsync|fdatasync)\(/g)?.length ?? 0
}

async function check(lab: Lab, results: readonly LoadResult[]): Promise<void> {
  const acknowledged = results.reduce((total, result) => total + result.acknowledgedInTotal, 0)
  const { state } = await ask(lab, `STREAM.INFO.${stream}`, {})
  if (!state || state.messages < acknowledged)
    throw new BenchError(`JetStream acknowledged ${acknowledged} messages and has ${state?.messages ?? 0}`)
}
