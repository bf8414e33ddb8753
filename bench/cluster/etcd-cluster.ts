import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EtcdBinaryError } from '../../apps/node/src/log/etcd/errors.ts'
import { findEtcd } from '../../apps/node/src/log/etcd/etcd-binary.ts'
import type { Host, Lab } from '../../apps/node/test/lab/lab.ts'
import type { LoadResult, Room } from '../driver/plan.ts'
import { BenchError } from '../lib/bench-error.ts'
import { ServerProcess } from '../lib/child.ts'
import { type Certificate, makeCertificate } from '../lib/network.ts'
import { type ClusterSystem, hostOf, type Load } from './cluster-system.ts'
import { countsEtcdFlushes, etcdFlushes, sum } from './etcd-flushes.ts'

const clientPort = 2379
const peerPort = 2380
const metricsUrl = 'http://127.0.0.1:2381'
const clients: Load = { writers: 100, window: 1 }

/** etcd alone: what every message would cost if each were written into Raft by itself. */
export const etcdCluster: ClusterSystem = {
  name: 'etcd',
  setup:
    'three members with default settings, TLS for clients and peers; 100 clients put a 300-byte value each at a time',
  countsFlushes: countsEtcdFlushes,
  missing() {
    try {
      findEtcd(null)
      return undefined
    } catch (error) {
      if (error instanceof EtcdBinaryError) return error.message
      throw error
    }
  },
  version: () => findEtcd(null).version,
  load: () => clients,

  async start(lab, loads) {
    const certificate = makeCertificate(
      lab.folder,
      lab.nodes.map((host) => lab.address(host)),
    )
    const binary = findEtcd(null).path
    const servers = lab.nodes.map((host) => startMember(lab, host, binary, certificate))
    const flushes = () => sum(lab.nodes.map((host) => etcdFlushes(lab, host, [`${metricsUrl}/metrics`])))
    const stop = async () => {
      await Promise.all(servers.map((server) => server.stop()))
    }
    try {
      for (const [index, server] of servers.entries())
        await server.waitUntil(async () => {
          const health = await lab.run(lab.nodes[index]!, [
            'curl',
            '--silent',
            '--fail',
            `${metricsUrl}/health`,
          ])
          return (JSON.parse(health) as { health: string }).health === 'true'
        })
      return {
        members: servers.map(({ pid }, index) => ({ pid, databaseFile: databaseOf(lab, lab.nodes[index]!) })),
        roomsOf: loads.map((_, load) => roomsOf(lab, load, certificate)),
        flushes,
        check: (results) => check(lab, results),
        [Symbol.asyncDispose]: stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  },
}

const folderOf = (lab: Lab, host: Host): string => join(lab.folder, `etcd-${host}`)
const databaseOf = (lab: Lab, host: Host): string => join(folderOf(lab, host), 'member', 'snap', 'db')

function startMember(lab: Lab, host: Host, binary: string, certificate: Certificate): ServerProcess {
  const { keyFile, certificateFile } = certificate
  const folder = folderOf(lab, host)
  mkdirSync(folder, { mode: 0o700 })
  const peerUrl = (each: Host) => `https://${lab.address(each)}:${peerPort}`
  const clientUrl = `https://${lab.address(host)}:${clientPort}`
  const keys = (prefix: string) => [
    `--${prefix}cert-file=${certificateFile}`,
    `--${prefix}key-file=${keyFile}`,
    `--${prefix}trusted-ca-file=${certificateFile}`,
    `--${prefix}client-cert-auth`,
  ]
  const [command = '', ...words] = [...lab.within(host), binary]
  return new ServerProcess({
    command,
    args: [
      ...words,
      `--name=${host}`,
      `--data-dir=${folder}`,
      `--listen-peer-urls=${peerUrl(host)}`,
      `--initial-advertise-peer-urls=${peerUrl(host)}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-metrics-urls=${metricsUrl}`,
      `--initial-cluster=${lab.nodes.map((each) => `${each}=${peerUrl(each)}`).join()}`,
      ...keys(''),
      ...keys('peer-'),
      '--log-level=warn',
    ],
    logFile: join(lab.folder, `etcd-${host}.log`),
  })
}

function roomsOf(lab: Lab, load: number, certificate: Certificate): Room[] {
  const pem = readFileSync(certificate.certificateFile, 'utf8')
  const key = readFileSync(certificate.keyFile, 'utf8')
  const credentials = { ca: pem, certificate: pem, key }
  return Array.from({ length: clients.writers }, (_, client) => ({
    address: `/load-${load}/${client}`,
    members: [{ name: `client-${client}`, secret: '' }],
    endpoint: { protocol: 'etcd', host: lab.address(hostOf(lab, client)), port: clientPort, credentials },
  }))
}

/** Every put makes one revision. */
async function check(lab: Lab, results: readonly LoadResult[]): Promise<void> {
  const acknowledged = results.reduce((total, result) => total + result.acknowledgedInTotal, 0)
  for (const host of lab.nodes) {
    const metrics = await lab.run(host, ['curl', '--silent', '--fail', `${metricsUrl}/metrics`])
    const revision = Number(/^etcd_debugging_mvcc_current_revision (\S+)$/m.exec(metrics)?.[1])
    if (!(revision >= acknowledged))
      throw new BenchError(
        `etcd on ${host} is at revision ${revision} after ${acknowledged} acknowledged puts`,
      )
  }
}
