import { join } from 'node:path'
import { interconnectPaths } from '../../apps/node/src/trust/interconnect.ts'
import { hub, type Lab } from '../../apps/node/test/lab/lab.ts'
import { LabCluster } from '../../apps/node/test/lab/lab-cluster.ts'
import type { LabNode } from '../../apps/node/test/lab/lab-node.ts'
import type { Endpoint, Room } from '../driver/plan.ts'
import { BenchError } from '../lib/bench-error.ts'
import { holdfastVersion, missingHoldfast } from '../lib/holdfast.ts'
import { type ClusterSystem, clusterSize, hostOf, type Load, type Member } from './cluster-system.ts'
import { countsEtcdFlushes, etcdFlushes, sum } from './etcd-flushes.ts'
import type { PopulatePlan } from './populate.ts'
import { verifyNodes } from './verify-nodes.ts'

const populateScript = join(import.meta.dirname, 'populate.ts')
const etcdPort = 7445

/** This project's cluster, grown from one node by the commands that an operator uses. */
export const holdfastCluster: ClusterSystem = {
  name: 'holdfast',
  setup: 'three nodes grown by `holdfast cluster create`, `invite` and `join`: TLS, accounts, audit, search',
  countsFlushes: `${countsEtcdFlushes}; without those of the nodes' own databases`,
  missing: missingHoldfast,
  version: holdfastVersion,

  async start(lab, loads) {
    const { admin, nodes } = await LabCluster.create(lab)
    const rooms = await populate(lab, nodes, admin, loads)
    return {
      get members() {
        return nodes.map(memberOf)
      },
      roomsOf: rooms,
      flushes: () =>
        sum(
          nodes.map((node) => {
            const { node: key } = interconnectPaths(node.dataDir)
            const trust = [
              '--cacert',
              join(node.dataDir, 'etcd', 'authority.pem'),
              '--cert',
              key,
              '--key',
              key,
            ]
            return etcdFlushes(lab, node.host, [...trust, `https://127.0.0.1:${etcdPort}/metrics`])
          }),
        ),
      check: (results) =>
        verifyNodes(
          nodes.map(({ host, dataDir }) => ({ name: host, dataDir })),
          results,
        ),
      [Symbol.asyncDispose]: async () => {
        await Promise.all(nodes.map((node) => node.stop()))
      },
    }
  },
}

function memberOf(node: LabNode): Member {
  const logPid = node.etcdPid
  if (logPid === null) throw new BenchError(`${node.host} runs no etcd`)
  const databaseFile = join(node.dataDir, 'etcd', 'data', 'member', 'snap', 'db')
  return { pid: node.pid, logPid, databaseFile }
}

async function populate(
  lab: Lab,
  nodes: readonly LabNode[],
  admin: PopulatePlan['admin'],
  loads: readonly Load[],
): Promise<Room[][]> {
  const names = loads.map(({ writers }, load) =>
    Array.from({ length: writers }, (_, writer) => `load-${load}-writer-${writer}`),
  )
  const urls = nodes.map(({ url }) => url)
  const plan: PopulatePlan = { urls, ca: nodes[0]!.ca, admin, rooms: names.flat() }
  const printed = await lab.run(hub, [process.execPath, populateScript], JSON.stringify(plan))
  const made = new Map((JSON.parse(printed) as Room[]).map((room) => [room.address, room]))
  return names.map((ofLoad) =>
    ofLoad.map((name, writer) => ({ ...made.get(name)!, endpoint: endpointOf(lab, nodes, writer) })),
  )
}

function endpointOf(lab: Lab, nodes: readonly LabNode[], writer: number): Endpoint {
  const node = nodes[writer % clusterSize]!
  return {
    protocol: 'holdfast',
    host: lab.address(hostOf(lab, writer)),
    port: Number(new URL(node.url).port),
  }
}
