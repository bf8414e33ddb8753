/** The one bundle that this node holds: uploaded to it, or fetched from another node. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { maxBundleBytes, uploadChunkBytes } from '@holdfast/api/contract/update-inputs'
import type { Bundle } from '../../appliance/bundle.ts'
import type { AppliancePaths } from '../../appliance/paths.ts'
import type { PreflightFinding, VoterCount } from '../../appliance/preflight.ts'
import { uploadedFile } from '../../appliance/update-request.ts'
import { UpdateJournal } from '../../appliance/update-state.ts'
import { Updater } from '../../appliance/updater.ts'

const ownerOnly = 0o600
/** There while the bundle that is here was fetched, and not uploaded by a person; holds its id. */
const fetchedFile = 'fetched'

export interface HeldBundle {
  id: string
  version: string
  bytes: number
}

export class BundleStore {
  readonly #paths: AppliancePaths
  readonly #voterCount: () => VoterCount | null
  #held: HeldBundle | null = null
  #writing = false
  /** Counts what changes the file. */
  #changes = 0

  constructor(paths: AppliancePaths, voterCount: () => VoterCount | null) {
    this.#paths = paths
    this.#voterCount = voterCount
  }

  get file(): string {
    return join(this.#paths.uploads, uploadedFile)
  }

  /** Id of the bundle that is being fetched, or was; null: a person uploads it, or nothing is here. */
  get fetched(): string | null {
    return existsSync(this.#mark) ? readFileSync(this.#mark, 'utf8') : null
  }

  get #mark(): string {
    return join(this.#paths.uploads, fetchedFile)
  }

  /** Bytes that are here. */
  get bytes(): number {
    return existsSync(this.file) ? statSync(this.file).size : 0
  }

  /** The bundle that passed the check, while it is here and no other one was begun. */
  get held(): HeldBundle | null {
    // Root takes it away when it installs it.
    if (this.#held !== null && this.bytes !== this.#held.bytes) this.#held = null
    return this.#held
  }

  /**
   * Adds bytes at the end; 0 begins anew.
   * @param fetched id of the bundle that another node gives; null: a person uploads one
   * @throws HoldfastError `busy`, `too-large`, `conflict`, `disk-full`
   */
  async append(offset: number, bytes: Buffer, fetched: string | null = null): Promise<number> {
    if (this.#writing)
      throw new HoldfastError('busy', 'Another part of the bundle is being written; send one at a time.')
    this.#writing = true
    try {
      if (offset + bytes.length > maxBundleBytes)
        throw new HoldfastError('too-large', `A bundle has at most ${maxBundleBytes} bytes.`)
      this.#held = null
      this.#changes += 1
      await mkdir(this.#paths.uploads, { recursive: true, mode: 0o700 })
      if (offset === 0) {
        this.drop()
        if (fetched !== null) writeFileSync(this.#mark, fetched, { mode: ownerOnly })
      }
      const there = this.bytes
      if (there !== offset)
        throw new HoldfastError(
          'conflict',
          `${there} bytes of the bundle are here: go on from there, or from 0.`,
        )
      await using file = await open(this.file, 'a', ownerOnly)
      await file.writeFile(bytes)
      return offset + bytes.length
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
        throw new HoldfastError(
          'disk-full',
          'The disk has no room for the bundle: free some, or use a stick.',
        )
      throw error
    } finally {
      this.#writing = false
    }
  }

  /**
   * Checks what is here, and the machine.
   * @param others versions of the other nodes that get it too
   * @throws BundleError when it is not to be trusted; it is gone then. HoldfastError `conflict` when it changed meanwhile
   */
  async check(others: readonly string[] = []): Promise<{ bundle: Bundle; findings: PreflightFinding[] }> {
    const updater = new Updater({
      paths: this.#paths,
      // Whoever asks is served.
      node: { readiness: async () => ({ ready: true, cluster: this.#voterCount() }) },
      slots: noSlots,
      journal: new UpdateJournal(this.#paths.update),
      service: { start: async () => {}, stop: async () => {} },
      reboot: async () => {},
      say: () => {},
    })
    const changes = this.#changes
    try {
      const checked = await updater.check(this.file, others)
      if (this.#changes !== changes)
        throw new HoldfastError('conflict', 'The bundle changed while it was checked: check it again.')
      const { id, version } = checked.bundle
      if (whyNotTaken(checked.findings) === null) this.#held = { id, version, bytes: this.bytes }
      return checked
    } catch (error) {
      if (this.#changes === changes) this.drop()
      throw error
    }
  }

  /** @throws HoldfastError `not-found` when this bundle is not here */
  async part(id: string, offset: number): Promise<Buffer> {
    if (this.held?.id !== id) throw new HoldfastError('not-found', 'This node does not have the bundle.')
    await using file = await open(this.file, 'r')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(uploadChunkBytes), 0, uploadChunkBytes, offset)
    return buffer.subarray(0, bytesRead)
  }

  drop(): void {
    this.#held = null
    this.#changes += 1
    for (const file of [this.file, this.#mark]) rmSync(file, { force: true })
  }
}

/** Why this machine cannot take a bundle; whether its cluster can spare it is looked at when its turn comes. */
export function whyNotTaken(findings: readonly PreflightFinding[]): string | null {
  return findings.find(({ check, level }) => level === 'stop' && check !== 'quorum')?.found ?? null
}

/** A check writes nothing. */
const noSlots = {
  install: async () => {},
  keepRunning: async () => {},
  activateOther: async () => {},
  giveUpOther: async () => {},
}
