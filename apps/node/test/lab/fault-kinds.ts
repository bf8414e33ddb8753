/** Kinds of faults that a schedule is made of. Each is broken and healed on nodes that run under load. */
import { setTimeout as later } from 'node:timers/promises'
import type { Clock } from './clock.ts'
import { Fault, pauseProcesses } from './fault.ts'
import type { Lab } from './lab.ts'
import type { LabNode } from './lab-node.ts'

/** Where faults happen. */
export interface Field {
  lab: Lab
  nodes: readonly LabNode[]
  /** The node that leads now; waits until there is one. */
  leader(): Promise<LabNode>
  /** Takes a member that does not run out of the cluster for good. */
  remove(node: LabNode): Promise<void>
  /** Makes a node without data a member, and waits until it votes. */
  join(node: LabNode): Promise<void>
}

export interface FaultKind {
  /** How long it lasts: least and most. */
  durationMs: readonly [least: number, most: number]
  /** Integers that a schedule chooses, with the least and the most; `node`, from 1, is always chosen. */
  values: Record<string, readonly [least: number, most: number]>
  break(field: Field, values: Record<string, number>): Promise<Fault>
}

const hour = 3_600_000
const day = 25 * hour
const mebibyte = 1024 * 1024
const seconds = (least: number, most = least) => [least * 1000, most * 1000] as const

const kinds = {
  /** The daemon starts etcd again by itself. */
  'kill-leader-etcd': onNode(seconds(4, 6), leader, async (_, node) => {
    process.kill(etcdOf(node), 'SIGKILL')
    return new Fault(`the etcd of ${node.host} was killed`, () => {})
  }),
  'kill-leader': onNode(seconds(4, 8), leader, (_, node) => killed([node])),
  'kill-follower': onNode(seconds(4, 8), follower, (_, node) => killed([node])),
  'kill-all': {
    durationMs: seconds(1, 3),
    values: {},
    break: (field) => killed(field.nodes),
  },
  'pause-leader': onNode(seconds(10), leader, async (_, node) => pauseProcesses(processesOf(node))),
  'pause-leader-etcd': onNode(seconds(10), leader, async (_, node) => pauseProcesses([etcdOf(node)])),
  'pause-leader-daemon': onNode(seconds(6, 10), leader, async (_, node) => pauseProcesses([node.pid])),
  'pause-follower': onNode(seconds(10), follower, async (_, node) => pauseProcesses(processesOf(node))),
  /** From everybody, clients too. */
  'cut-leader': onNode(seconds(8, 12), leader, ({ lab }, node) => lab.cut(node.host)),
  'cut-follower': onNode(seconds(8, 12), follower, ({ lab }, node) => lab.cut(node.host)),
  /** From the other nodes, while its clients reach it. */
  'cut-leader-from-nodes': onNode(seconds(8, 12), leader, (field, node) =>
    field.lab.cut(node.host, others(field, node)),
  ),
  /** Two followers have not heard each other for so long that their connections still hang when they have to elect. */
  'cut-leader-after-link': onNode(
    seconds(8, 12),
    leader,
    async (field, node, { linkMs = 12_000 }) => {
      const [one = '', other = ''] = others(field, node)
      const link = await field.lab.cut(one, [other])
      await later(linkMs)
      await link.heal()
      const cut = await field.lab.cut(node.host, others(field, node))
      return together(`${cut.what} after ${one} and ${other} were from each other`, [cut])
    },
    { linkMs: [8000, 20_000] },
  ),
  'cut-follower-from-nodes': onNode(seconds(8, 12), follower, (field, node) =>
    field.lab.cut(node.host, others(field, node)),
  ),
  /** One way: the others do not hear it. */
  'mute-leader': onNode(seconds(8, 12), leader, (field, node) =>
    field.lab.cutOneWay(node.host, others(field, node)),
  ),
  /** One way: it does not hear the others. */
  'deafen-leader': onNode(seconds(8, 12), leader, async (field, node) =>
    together(
      `${node.host} hears no other node`,
      await Promise.all(others(field, node).map((from) => field.lab.cutOneWay(from, [node.host]))),
    ),
  ),
  'flap-leader': flap(leader),
  'flap-follower': flap(follower),
  'lose-packets': onNode(
    seconds(8, 12),
    chosen,
    ({ lab }, node, { percent = 1 }) => lab.lose(node.host, percent / 100),
    { percent: [1, 30] },
  ),
  'narrow-line': onNode(
    seconds(8, 12),
    chosen,
    ({ lab }, node, { kbit = 1000 }) => lab.narrow(node.host, kbit),
    { kbit: [500, 5000] },
  ),
  'slow-line': onNode(
    seconds(8, 12),
    leader,
    async (field, node, { ms = 100 }) =>
      together(
        `${node.host} and the others hear each other ${ms} ms later`,
        await Promise.all(others(field, node).map((other) => field.lab.delay(node.host, other, ms))),
      ),
    { ms: [20, 250] },
  ),
  'clock-forward': onNode(seconds(5, 8), chosen, async (_, node) => clockOf(node).jump(hour)),
  'clock-back': onNode(seconds(5, 8), chosen, async (_, node) => clockOf(node).jump(-hour)),
  'fill-disk': onNode(
    seconds(6, 10),
    chosen,
    async (_, node, { leftMebibytes = 0 }) => filled([node], leftMebibytes),
    { leftMebibytes: [0, 4] },
  ),
  'fill-all-disks': {
    durationMs: seconds(6, 10),
    values: { leftMebibytes: [0, 4] },
    break: async (field, { leftMebibytes = 0 }) => filled(field.nodes, leftMebibytes),
  },
  /** Its disk is lost: the member is removed, and a new one comes in its place. */
  'replace-follower': onNode(seconds(4, 8), follower, async (field, node) => {
    await node.kill()
    await field.remove(node)
    node.wipe()
    return new Fault(`${node.host} lost its disk`, () => field.join(node))
  }),
  /** The others go on for a day, so that the log is forgotten and the state has to be taken whole. */
  'absent-for-a-day': onNode(seconds(30, 40), follower, async (field, node) => {
    const fault = await killed([node])
    const jumps = field.nodes.filter((each) => each !== node).map((each) => clockOf(each).jump(day))
    return together(`${node.host} is away for a day`, [...jumps, fault])
  }),
} satisfies Record<string, FaultKind>

export type FaultName = keyof typeof kinds
export const faultKinds: Readonly<Record<FaultName, FaultKind>> = kinds
export const faultNames = Object.keys(kinds) as FaultName[]

type Choose = (field: Field, values: Record<string, number>) => Promise<LabNode>

function onNode(
  durationMs: FaultKind['durationMs'],
  choose: Choose,
  work: (field: Field, node: LabNode, values: Record<string, number>) => Promise<Fault>,
  values: FaultKind['values'] = {},
): FaultKind {
  return {
    durationMs,
    values,
    break: async (field, given) => work(field, await choose(field, given), given),
  }
}

async function leader(field: Field): Promise<LabNode> {
  return field.leader()
}

/** The `node`th of the others, counted from the leader; the only node when there is one. */
async function follower(field: Field, { node = 1 }: Record<string, number>): Promise<LabNode> {
  const leads = await field.leader()
  const candidates = field.nodes.filter((each) => each !== leads)
  return candidates[(node - 1) % candidates.length] ?? leads
}

async function chosen(field: Field, { node = 1 }: Record<string, number>): Promise<LabNode> {
  return field.nodes[(node - 1) % field.nodes.length]!
}

function flap(choose: Choose): FaultKind {
  const change = [200, 3000] as const
  const work = (field: Field, node: LabNode, { cutMs = 0, joinedMs = 0 }: Record<string, number>) =>
    field.lab.flap(node.host, [cutMs, joinedMs], others(field, node))
  return onNode(seconds(10, 15), choose, work, { cutMs: change, joinedMs: change })
}

const others = (field: Field, node: LabNode) =>
  field.nodes.filter((each) => each !== node).map((each) => each.host)

const processesOf = (node: LabNode) => [node.pid, ...(node.etcdPid === null ? [] : [node.etcdPid])]

function etcdOf(node: LabNode): number {
  const pid = node.etcdPid
  if (pid === null) throw new Error(`${node.host} runs no etcd.`)
  return pid
}

function clockOf(node: LabNode): Clock {
  if (node.clock === null) throw new Error(`${node.host} was made without a clock that can jump.`)
  return node.clock
}

/** `kill -9`; they are started again, all at once, when it is healed. */
async function killed(nodes: readonly LabNode[]): Promise<Fault> {
  await Promise.all(nodes.map((node) => node.kill()))
  const names = nodes.map((node) => node.host).join(', ')
  return new Fault(`${names} killed`, async () => {
    await Promise.all(nodes.map((node) => node.start()))
  })
}

function filled(nodes: readonly LabNode[], leftMebibytes: number): Fault {
  const disks = nodes.map(({ host, disk }) => {
    if (disk === null) throw new Error(`${host} was made without a small disk of its own.`)
    return disk
  })
  for (const disk of disks) disk.fill(leftMebibytes * mebibyte)
  const names = nodes.map((node) => node.host).join(', ')
  return new Fault(`${leftMebibytes} MiB left on the disks of ${names}`, () => {
    for (const disk of disks) disk.clear()
  })
}

function together(what: string, faults: readonly Fault[]): Fault {
  return new Fault(what, async () => {
    for (const fault of faults) await fault.heal()
  })
}
