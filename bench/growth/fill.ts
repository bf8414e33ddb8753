import { join } from 'node:path'
import { acquireLock, openDatabase } from '@holdfast/db'
import { type Command, commandTypes, encodeBatch } from '../../apps/node/src/state/commands.ts'
import { StateMachine } from '../../apps/node/src/state/machine.ts'
import { MessageIds } from '../driver/message-id.ts'
import { Texts } from '../driver/words.ts'

const batchMessages = 1_024
const bodyCount = 20_000
const bodyBytes = 200
/** A word that only so many of the messages of each fill contain: what a search for something rare finds. */
export const rareWord = 'quetzalcoatlus'
const rareMessages = 10

export interface FillResult {
  messages: number
  seconds: number
}

interface Target {
  channelNo: number
  personNo: number
  ids: MessageIds
}

/**
 * Brings the stored messages of a stopped node up to `total`: batches go straight into the node's own state machine,
 * which does all that it does for a live message (dedup, sequence, chain, seal), without sockets and without a log.
 */
export function fill(dataDirectory: string, total: number): FillResult {
  using _lock = acquireLock(dataDirectory)
  const database = openDatabase(join(dataDirectory, 'cluster.db'), { role: 'writer' })
  try {
    const machine = new StateMachine(database)
    machine.load()
    const targets = readTargets(database)
    const stored = database.prepare('SELECT coalesce(sum(head), 0) FROM channel').pluck().get() as number
    const missing = Math.max(0, total - stored)
    const startedAt = performance.now()
    applyMessages(machine, targets, missing)
    database.pragma('wal_checkpoint(TRUNCATE)')
    return { messages: missing, seconds: (performance.now() - startedAt) / 1_000 }
  } finally {
    database.close()
  }
}

/** Every pair of a channel and a member takes part. */
function readTargets(database: ReturnType<typeof openDatabase>): Target[] {
  const rows = database
    .prepare(
      `SELECT c.no AS channelNo, p.no AS personNo FROM channel_member m
       JOIN channel c ON c.id = m.channelId JOIN person p ON p.id = m.personId
       WHERE c.kind = 'group' AND p.role = 'member' ORDER BY c.no, p.no`,
    )
    .all() as Omit<Target, 'ids'>[]
  return rows.map((row) => ({ ...row, ids: new MessageIds() }))
}

function applyMessages(machine: StateMachine, targets: Target[], count: number): void {
  const texts = new Texts()
  const bodies = Array.from({ length: bodyCount }, () => texts.text(bodyBytes))
  const rareEvery = Math.ceil(count / rareMessages)
  for (let done = 0; done < count; ) {
    const size = Math.min(batchMessages, count - done)
    const commands = Array.from({ length: size }, (_, offset) => {
      const index = done + offset
      const { channelNo, personNo, ids } = targets[index % targets.length]!
      const text = bodies[(index * 7_919) % bodyCount]!
      const body = index % rareEvery === 0 ? `${rareWord} ${text}` : text
      const command: Command = [commandTypes.message, channelNo, personNo, ids.next(), body, 0, null]
      return JSON.stringify(command)
    })
    const applied = machine.apply(encodeBatch('bench', machine.index + 1, Date.now(), commands))
    const refused = applied.outcomes.find((outcome) => typeof outcome !== 'number')
    if (refused) throw new Error(`the state machine refused a message: ${JSON.stringify(refused)}`)
    done += size
  }
}
