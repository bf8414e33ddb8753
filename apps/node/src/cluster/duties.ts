import type { EtcdMember } from '../log/etcd/etcd-client.ts'
import type { EtcdLog } from '../log/etcd/etcd-log.ts'
import type { Logger } from '../platform/logger.ts'
import type { Directory } from '../state/directory.ts'
import { raftUrl } from './addresses.ts'

const tickMs = 1000
/** Ticks between compactions of the log. */
const compactTicks = 10
/** Entries are kept for an absent node while the log is smaller than this, bytes. */
const keptLogBytes = 512 * 1024 * 1024
/** And for no longer than this, ms. */
const keptLogMs = 24 * 3600_000

/** What the leader does for all: new members become voters, the log stays small. */
export class Duties {
  private readonly log: EtcdLog
  private readonly directory: Directory
  private readonly logger: Logger
  private readonly hasState: (nodeId: string) => Promise<boolean>
  private timer: NodeJS.Timeout | null = null
  private ticks = 0
  private busy = false
  private compacted = 0
  private known: EtcdMember[] = []

  constructor(options: {
    log: EtcdLog
    directory: Directory
    logger: Logger
    /** Whether a new node has taken over the state. */
    hasState: (nodeId: string) => Promise<boolean>
  }) {
    this.hasState = options.hasState
    this.log = options.log
    this.directory = options.directory
    this.logger = options.logger
  }

  /** etcd's members as last seen by this node. */
  get members(): readonly EtcdMember[] {
    return this.known
  }

  start(): void {
    this.timer = setInterval(() => void this.tick(), tickMs)
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer)
  }

  private async tick(): Promise<void> {
    if (this.busy) return
    this.busy = true
    this.ticks += 1
    try {
      this.known = await this.log.client.members(false)
      if (!this.log.leads) return
      await this.promote()
      await this.dismiss()
      if (this.log.status?.errors.some((e) => /NOSPACE/i.test(e))) await this.makeRoom()
      else if (this.ticks % compactTicks === 0) await this.compact()
    } catch (error) {
      this.logger.debug({ err: error }, 'a duty of the leader was not done; it is tried again')
    } finally {
      this.busy = false
    }
  }

  private async promote(): Promise<void> {
    for (const member of this.known) {
      if (!member.learner || member.name === '') continue
      // A node starts anew when it has taken over the state; as a voter it would be missed meanwhile.
      if (!(await this.hasState(member.name))) continue
      await this.log.client.promote(member.id)
      this.logger.info({ node: member.name }, 'a new member votes')
    }
  }

  /** Takes out of etcd who is no member any more: one that left by itself, or whose removal was cut off half-way. */
  private async dismiss(): Promise<void> {
    const nodes = [...this.directory.nodes.values()]
    const belongs = (member: EtcdMember) =>
      nodes.some(
        ({ id, memberId, address, raftPort }) =>
          id === member.name ||
          memberId === member.id ||
          (address !== null && raftPort !== null && member.peerUrls.includes(raftUrl(address, raftPort))),
      )
    for (const member of this.known)
      if (!belongs(member)) {
        await this.log.client.removeMember(member.id)
        this.logger.info({ node: member.name }, 'a node that was taken out votes no more')
      }
  }

  /** Forgets the log up to what every member has on its disk. */
  private async compact(): Promise<void> {
    const target = this.forgettable()
    if (target <= this.compacted) return
    await this.log.client.compact(target)
    this.compacted = target
  }

  private forgettable(): number {
    const { reports, status } = this.log
    const large = (status?.databaseInUseBytes ?? 0) > keptLogBytes
    let least = this.log.durableRevision
    for (const node of this.directory.nodes.values()) {
      const report = reports.of(node.id)
      if (reports.alive(node.id) && report !== undefined) {
        least = Math.min(least, report.durableRevision)
        continue
      }
      // Whoever is away is waited for, within bounds; then it takes the state whole.
      const forgotten = large || (report !== undefined && Date.now() - report.heardAt > keptLogMs)
      if (!forgotten) least = Math.min(least, report?.durableRevision ?? 0)
    }
    return least
  }

  /** etcd refuses to write since its database is full. */
  private async makeRoom(): Promise<void> {
    await this.log.client.compact(this.log.durableRevision)
    await this.log.client.defragment()
    await this.log.client.disarmNoSpace()
    this.logger.warn('the log had filled its space and was cut')
  }
}
