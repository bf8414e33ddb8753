/** The other node: fetches a snapshot and throws it away. */
import { parentPort, workerData } from 'node:worker_threads'
import { PeerClient, type PeerClientOptions } from '../../apps/node/src/peer/peer-client.ts'
import type { PeerMaterial } from '../../apps/node/src/peer/peer-tls.ts'

export interface ReaderPlan {
  member: PeerClientOptions['member']
  material: PeerMaterial
  generation: string
}
export interface ReaderResult {
  bytes: number
  elapsedMs: number
}

if (parentPort !== null) {
  const { member, material, generation } = workerData as ReaderPlan
  const startedAt = performance.now()
  using client = new PeerClient({
    member,
    material: () => material,
    generation: () => generation,
    onForeignGeneration: () => {},
  })
  const answer = await client.openSnapshot({ signal: new AbortController().signal, wantedRevision: 0 })
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) bytes += chunk.length
  parentPort.postMessage({ bytes, elapsedMs: performance.now() - startedAt } satisfies ReaderResult)
}
