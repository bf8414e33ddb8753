import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import type { AuditProof, CheckpointStatus, CheckpointView } from '@holdfast/api/services'
import { openAuditKey } from './audit-key.ts'
import type { AuditReader } from './audit-reader.ts'
import type { AuditTree } from './audit-tree.ts'
import { hashBytes } from './chain.ts'
import { readCheckpoint, signaturesOf } from './checkpoint.ts'
import type { StoredCheckpoint } from './checkpoint-state.ts'
import { Checkpointer, type CheckpointerOptions } from './checkpointer.ts'
import { consistencyRanges, inclusionRanges, type LeafRange } from './merkle.ts'
import { proofFormat, proofVersion } from './proof.ts'
import { parseKey } from './signed-note.ts'

export interface AuditCheckpointsOptions extends Omit<CheckpointerOptions, 'signer' | 'readLeaves'> {
  dataDir: string
  reader: Pick<AuditReader, 'ask'>
  /** For few events, which are not worth a thread. */
  tree: AuditTree
}

/** Events that are hashed at once in the main thread: a tenth of a millisecond for each hundred. */
const fewLeaves = 256

/** Checkpoints of a node: keeps them going, shows them, and proves with them. */
export class AuditCheckpoints {
  readonly #options: AuditCheckpointsOptions
  #checkpointer: Checkpointer | null = null
  #stopped = false

  constructor(options: AuditCheckpointsOptions) {
    this.#options = options
  }

  /** Never throws: a node whose key cannot be used serves, with an alert. */
  async start(): Promise<void> {
    const { dataDir, reader, tree, alerts, logger } = this.#options
    try {
      const signer = await openAuditKey(dataDir)
      if (this.#stopped) return
      const readLeaves = async (fromSeq: number, limit: number) =>
        limit <= fewLeaves
          ? tree.leaves(fromSeq, limit)
          : splitHashes(await reader.ask('leaves', { fromSeq, limit }))
      this.#checkpointer = new Checkpointer({ ...this.#options, signer, readLeaves })
      this.#checkpointer.start()
    } catch (error) {
      logger.error({ err: error }, 'audit: this node signs no checkpoints')
      alerts.raise('warning', 'audit-key', `This node signs no checkpoints: ${(error as Error).message}.`)
    }
  }

  committed(commit: Parameters<Checkpointer['committed']>[0]): void {
    this.#checkpointer?.committed(commit)
  }

  /** After the database was replaced by another node's. */
  async reset(): Promise<void> {
    await this.#checkpointer?.reset()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#checkpointer?.stop()
  }

  /** @throws HoldfastError `bad-request` when the newest checkpoint covers less than was asked for */
  async status({ from }: input.AuditCheckpoint): Promise<CheckpointStatus> {
    const { state } = this.#options
    const newest = state.newest()
    const names = this.#names()
    const disputes = state
      .disputes()
      .map(({ node, size, at }) => ({ node, name: names.get(node) ?? node, size, at }))
    const nodes = state.nodes().map(({ id, name, auditKey }) => ({ id, name, key: auditKey }))
    return {
      newest: newest === null ? null : this.#view(newest),
      nodes,
      disputes,
      consistency: from === undefined ? null : await this.#consistency(from, newest?.size ?? 0),
    }
  }

  async take(): Promise<CheckpointStatus> {
    await this.#take()
    return this.status({})
  }

  /**
   * Proves an event by the first checkpoint that covers it; makes one when there is none yet.
   * @throws HoldfastError `not-found`
   */
  async prove({ seq }: { seq: number }): Promise<AuditProof> {
    const { state, reader } = this.#options
    if (seq < 1 || seq > state.head()) throw new HoldfastError('not-found', `There is no audit event ${seq}.`)
    const stored = state.covering(seq) ?? (await this.#take())
    const [row] = await reader.ask('rows', { fromSeq: seq, limit: 1 })
    if (row?.seq !== seq) throw new HoldfastError('not-found', `There is no audit event ${seq}.`)
    return {
      format: proofFormat,
      version: proofVersion,
      seq,
      event: row.event,
      path: await this.#roots(inclusionRanges(seq - 1, stored.size)),
      checkpoint: stored.note,
      keys: state.nodes().flatMap(({ auditKey }) => auditKey ?? []),
    }
  }

  async #take(): Promise<StoredCheckpoint> {
    if (this.#checkpointer === null)
      throw new HoldfastError('conflict', 'This node signs no checkpoints; its alerts say why.')
    return this.#checkpointer.take()
  }

  async #consistency(from: number, to: number): Promise<string[]> {
    if (from > to)
      throw new HoldfastError(
        'bad-request',
        `The newest checkpoint covers ${to} events, which is less than ${from}.`,
      )
    return this.#roots(consistencyRanges(from, to))
  }

  async #roots(ranges: LeafRange[]): Promise<string[]> {
    if (ranges.length === 0) return []
    const roots = await this.#options.reader.ask('roots', ranges)
    return splitHashes(roots).map((root) => root.toString('base64'))
  }

  #view({ size, root, at, note }: StoredCheckpoint): CheckpointView {
    return { size, root: root.toString('base64'), at, note, signatures: this.#signatures(note) }
  }

  /** Who signed, as far as the keys in the nodes' rows say. */
  #signatures(note: string): CheckpointView['signatures'] {
    const nodes = this.#options.state.nodes()
    const byKey = new Map(nodes.flatMap((each) => (each.auditKey === null ? [] : [[each.auditKey, each]])))
    try {
      const verified = signaturesOf(readCheckpoint(note), byKey.keys()) ?? []
      return verified.map(({ key, isLog, at }) => {
        const node = byKey.get(key)?.id ?? parseKey(key)?.name ?? ''
        return { node, name: byKey.get(key)?.name ?? node, isMaker: isLog, at: isLog ? null : at }
      })
    } catch (error) {
      // A row that somebody changed: for the verifier and the checkpointer to tell.
      if (error instanceof SyntaxError) return []
      throw error
    }
  }

  #names(): Map<string, string> {
    return new Map(this.#options.state.nodes().map(({ id, name }) => [id, name]))
  }
}

function splitHashes(hashes: Uint8Array): Buffer[] {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength)
  return Array.from({ length: bytes.length / hashBytes }, (_, i) =>
    bytes.subarray(i * hashBytes, (i + 1) * hashBytes),
  )
}
