// An idle driver process: it holds many authenticated connections that do nothing, and brings them all back at once.
import type { Connection } from './connection.ts'
import { connectHoldfast } from './holdfast-connection.ts'
import type { IdleCommand, IdleMessage, IdlePlan, IdleResult } from './idle-plan.ts'
import { percentile } from './meter.ts'

let plan: IdlePlan | undefined
let connections: Connection[] = []

/** Opens all connections, `concurrency` at a time. */
async function openAll(current: IdlePlan, concurrency: number): Promise<IdleResult> {
  const errors: Record<string, number> = {}
  const timesMs: number[] = []
  const startedAt = performance.now()
  let next = 0
  const opener = async () => {
    while (next < current.connections) {
      const index = next++
      const connectingAt = performance.now()
      try {
        connections.push(await openOne(current, index))
        timesMs.push(performance.now() - connectingAt)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        errors[reason] = (errors[reason] ?? 0) + 1
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, opener))
  const sorted = Float64Array.from(timesMs).sort()
  return {
    opened: timesMs.length,
    errors,
    elapsedMs: performance.now() - startedAt,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
  }
}

function openOne(current: IdlePlan, index: number): Promise<Connection> {
  const { members, sourceAddresses, endpoint, roomAddress } = current
  return connectHoldfast({
    endpoint,
    member: members[index % members.length]!,
    roomAddress,
    localAddress: sourceAddresses[index % sourceAddresses.length],
    events: {
      acknowledged: () => {},
      delivered: () => {},
      failed: (reason) => tell({ event: 'lost', reason }),
    },
  })
}

function tell(message: IdleMessage): void {
  process.send?.(message)
}

// A driver does not outlive the bench.
process.once('disconnect', () => process.exit())

process.on('message', async (message: IdleCommand) => {
  if (message.command === 'open') {
    plan = message.plan
    tell({ event: 'opened', result: await openAll(plan, plan.concurrency) })
    return
  }
  for (const connection of connections) connection.abort()
  connections = []
  if (plan) tell({ event: 'opened', result: await openAll(plan, plan.connections) })
})
