/** A node's side of an update of the whole cluster: fetches the bundle from another node, has it installed, says how it went. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { maxBundleBytes, uploadChunkBytes } from '@holdfast/api/contract/update-inputs'
import * as z from 'zod'
import { BundleError } from '../../appliance/bundle-errors.ts'
import type { AppliancePaths } from '../../appliance/paths.ts'
import { installs, readRelease } from '../../appliance/release.ts'
import { ToolError } from '../../appliance/tools.ts'
import { requestFile, requestUpdate } from '../../appliance/update-request.ts'
import { UpdateJournal } from '../../appliance/update-state.ts'
import type { PeerCall } from '../../peer/peer-server.ts'
import { atomicWriteFile } from '../../platform/files.ts'
import { type BundleStore, whyNotTaken } from './bundle-store.ts'

const runFile = 'rollout.json'
/** Failures in a row, while a part of the bundle is asked for, and the wait between them. */
const fetchTries = 30
const fetchAgainMs = 1_000
const partMs = 15_000
/** Root's program takes a request away at once; if it does not run, nothing else will happen. */
const pickUpMs = 2 * 60_000

const id = z.string().min(1).max(64)
const bundleId = z.string().regex(/^[0-9a-f]{64}$/)
const bytes = z.int().min(1).max(maxBundleBytes)

const askSchema = z.object({
  id,
  bundle: bundleId,
  by: z.string().min(1).max(200),
  again: z.boolean(),
  allowPause: z.boolean(),
})
const fetchSchema = z.object({ id, bundle: bundleId, bytes, from: id })
const partSchema = z.object({ bundle: bundleId, offset: z.int().min(0).max(maxBundleBytes) })
const partAnswer = z.object({ data: z.base64().max(Math.ceil(uploadChunkBytes / 3) * 4) })
const runSchema = z.object({ id, after: z.number() })

/** What a node answers to `update.machine`. */
export const machineStateSchema = z.object({
  version: z.string().max(64),
  /** Whether it can install a bundle by itself. */
  installs: z.boolean(),
})
export type MachineState = z.infer<typeof machineStateSchema>

/** What a node answers to `update.state`. */
export const memberStateSchema = machineStateSchema.extend({
  bundle: z.object({
    state: z.enum(['none', 'fetching', 'ready', 'failed']),
    reason: z.string().max(2000).nullable(),
  }),
  /** What became of this update here; `none`: it was not asked. */
  run: z.object({
    state: z.enum(['none', 'waiting', 'updated', 'failed']),
    reason: z.string().max(2000).nullable(),
  }),
})
export type MemberState = z.infer<typeof memberStateSchema>

export interface RolloutMemberOptions {
  paths: AppliancePaths
  store: BundleStore
  /** Asks another node. */
  call: (nodeId: string, op: string, payload: unknown, timeoutMs: number) => Promise<unknown>
  /** Whether clients are let in. */
  isOpen: () => boolean
  fetchAgainMs?: number
}

export class RolloutMember {
  readonly calls: Readonly<Record<string, PeerCall>> = {
    'update.machine': async () => this.#machine(),
    'update.state': async (payload) => this.state(z.object({ id, bundle: bundleId }).parse(payload)),
    'update.fetch': async (payload) => this.#fetch(fetchSchema.parse(payload)),
    'update.part': async (payload) => this.#part(partSchema.parse(payload)),
    'update.ask': async (payload) => await this.#ask(askSchema.parse(payload)),
  }
  readonly #o: RolloutMemberOptions
  #fetching: string | null = null
  /** Of the fetch for this update of the cluster; the next update may fetch the same bundle. */
  #fetchFailure: { id: string; reason: string } | null = null
  #asking = false
  #stopped = false

  constructor(options: RolloutMemberOptions) {
    this.#o = options
  }

  stop(): void {
    this.#stopped = true
  }

  /** What was fetched for an update of the cluster goes when that is over: it would fill a small disk. */
  tidy(isUnderWay: boolean): void {
    const { store } = this.#o
    if (!isUnderWay && this.#fetching === null && store.fetched !== null) store.drop()
  }

  state(asked: { id: string; bundle: string }): MemberState {
    const { store } = this.#o
    const failure = this.#fetchFailure?.id === asked.id ? this.#fetchFailure.reason : null
    const bundle =
      store.held?.id === asked.bundle
        ? 'ready'
        : this.#fetching === asked.bundle
          ? 'fetching'
          : failure === null
            ? 'none'
            : 'failed'
    return {
      ...this.#machine(),
      bundle: { state: bundle, reason: bundle === 'failed' ? failure : null },
      run: this.#run(asked.id),
    }
  }

  #machine(): MachineState {
    const { paths } = this.#o
    return { version: readRelease(paths).version, installs: installs(paths) !== null }
  }

  /** Told by root's history, so that it is known after any restart. */
  #run(runId: string): MemberState['run'] {
    const { paths } = this.#o
    const file = join(paths.uploads, runFile)
    if (!existsSync(file)) return { state: 'none', reason: null }
    const run = runSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    if (run.id !== runId) return { state: 'none', reason: null }
    const last = new UpdateJournal(paths.update).history().findLast(({ at }) => at > run.after)
    // The next node goes only when this one serves again.
    if (last?.phase === 'confirmed') return { state: this.#o.isOpen() ? 'updated' : 'waiting', reason: null }
    if (last !== undefined && last.phase !== 'installed' && last.phase !== 'trial')
      return { state: 'failed', reason: last.reason ?? `the update was ${last.phase}` }
    const request = join(paths.uploads, requestFile)
    const isLeft = existsSync(request) && Date.now() - statSync(request).mtimeMs > pickUpMs
    if (!isLeft) return { state: 'waiting', reason: null }
    rmSync(request, { force: true })
    return {
      state: 'failed',
      reason:
        'the program that installs updates does not run on this machine: see its units holdfast-update*',
    }
  }

  /** Begins to fetch, in the background; what is here already is not fetched again. */
  #fetch(wanted: z.infer<typeof fetchSchema>): null {
    if (this.#stopped || this.#fetching !== null || this.#o.store.held?.id === wanted.bundle) return null
    this.#fetching = wanted.bundle
    this.#fetchFailure = null
    this.#download(wanted)
      .catch((error: Error) => {
        this.#fetchFailure = { id: wanted.id, reason: error.message }
      })
      .finally(() => {
        this.#fetching = null
      })
    return null
  }

  async #download({ bundle, bytes: whole, from }: z.infer<typeof fetchSchema>): Promise<void> {
    const { store } = this.#o
    // After a start a person's upload may be the very bundle.
    if (store.fetched === null && store.bytes === whole && (await this.#isHere(bundle))) return
    // What a fetch that was cut off left is a beginning; anything else here is not.
    const there = () => (store.fetched === bundle && store.bytes <= whole ? store.bytes : 0)
    for (let at = there(), failures = 0; at < whole; ) {
      if (this.#stopped) return
      try {
        const payload = { bundle, offset: at }
        const answer = partAnswer.parse(await this.#o.call(from, 'update.part', payload, partMs))
        const data = Buffer.from(answer.data, 'base64')
        if (data.length === 0)
          throw new HoldfastError('conflict', 'The bundle is shorter there than was said.')
        at = await store.append(at, data, bundle)
        failures = 0
      } catch (error) {
        failures += 1
        const final = error instanceof HoldfastError && ['disk-full', 'too-large'].includes(error.code)
        if (final || failures === fetchTries) throw error
        await sleep(this.#o.fetchAgainMs ?? fetchAgainMs)
        at = there()
      }
    }
    const checked = await store.check()
    const whyNot = whyNotTaken(checked.findings)
    if (whyNot !== null) throw new HoldfastError('conflict', whyNot)
    if (checked.bundle.id === bundle) return
    store.drop()
    throw new HoldfastError('conflict', 'What was fetched is another bundle; begin again.')
  }

  /** @throws HoldfastError when it is, and this machine does not take it */
  async #isHere(bundle: string): Promise<boolean> {
    const checked = await this.#o.store.check().catch((error: unknown) => {
      if (error instanceof BundleError || error instanceof ToolError) return null
      throw error
    })
    if (checked?.bundle.id !== bundle) return false
    const whyNot = whyNotTaken(checked.findings)
    if (whyNot !== null) throw new HoldfastError('conflict', whyNot)
    return true
  }

  async #part({ bundle, offset }: z.infer<typeof partSchema>): Promise<z.infer<typeof partAnswer>> {
    return { data: (await this.#o.store.part(bundle, offset)).toString('base64') }
  }

  /** Has root install what is here. Asked twice it is done once. */
  async #ask({ id, bundle, ...request }: z.infer<typeof askSchema>): Promise<null> {
    const { paths, store } = this.#o
    if (this.#asking || this.#run(id).state !== 'none') return null
    if (store.held?.id !== bundle)
      throw new HoldfastError('conflict', 'This node does not have the bundle yet.')
    this.#asking = true
    const run = join(paths.uploads, runFile)
    try {
      const after = new UpdateJournal(paths.update).current()?.at ?? 0
      await atomicWriteFile(run, JSON.stringify({ id, after }))
      await requestUpdate(paths, request)
      return null
    } catch (error) {
      // It was not asked, or nobody would ever ask.
      rmSync(run, { force: true })
      throw error
    } finally {
      this.#asking = false
    }
  }
}
