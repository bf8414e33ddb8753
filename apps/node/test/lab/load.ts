/**
 * A load of real clients, as a process of its own that can run in any namespace: people who write and readers at each
 * node. Reads one command per line, `{ id, ...LoadCommand }`, and answers each with `{ id, ok }` or `{ id, error }`.
 */
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as later } from 'node:timers/promises'
import { type Api, createApi } from '@holdfast/api/client/api'
import { connectNode, createNodeFetch } from '@holdfast/api/client/node'
import { Meter } from './load-meter.ts'
import { Reader } from './load-reader.ts'
import type { AcknowledgedMessage, LoadCommand, LoadPlan, LoadRecord, Pace, Progress } from './load-record.ts'
import { Writer } from './load-writer.ts'

/** Hang guards: nodes that are well take a fraction of them. */
const pauseGuardMs = 120_000
const readersGuardMs = 60_000
const pollMs = 50
const maxTroubles = 100
const maxStates = 20_000
/** Clients that find a node dead try the next one soon; a test's network has no herd to spare. */
const backoff = { baseMs: 50, maxMs: 500 }
const password = 'correct-horse-battery'

class Load {
  readonly #plan: LoadPlan
  readonly #meter: Meter
  readonly #record: LoadRecord
  readonly #counts: number[]
  readonly #heads: number[]
  #writers: Writer[] = []
  #readers: Reader[] = []
  #phase = 0

  constructor(plan: LoadPlan) {
    this.#plan = plan
    this.#meter = new Meter(plan.writers)
    this.#counts = Array.from({ length: plan.writers }, () => 0)
    this.#heads = Array.from({ length: plan.channels }, () => 0)
    this.#record = {
      tag: plan.tag,
      writers: [],
      channels: [],
      acknowledged: [],
      heard: [],
      troubles: [],
      states: [],
    }
  }

  /** Makes the people and the channels, and connects everybody. */
  async prepare(): Promise<void> {
    const { urls, ca, admin, tag, writers, channels } = this.#plan
    using fetch = createNodeFetch({ ca })
    const anonymous = createApi({ urls, fetch })
    const signIn = async (name: string, secret: string) => {
      const answer = await anonymous.auth.login.mutate({ name, password: secret })
      if (!('token' in answer) || !answer.token) throw new Error(`${name} was given no token.`)
      const { token, person } = answer
      return { id: person.id, token, api: createApi({ urls, token, fetch }) }
    }
    const owner = await signIn(admin.name, admin.password)
    const names = [...Array.from({ length: writers }, (_, i) => `${tag}-writer${i}`), `${tag}-reader`]
    const people: { id: string; token: string; api: Api }[] = []
    for (const name of names) {
      await owner.api.people.add.mutate({ name, role: 'member', password })
      people.push(await signIn(name, password))
    }
    const members = people.map((person) => person.id)
    for (let i = 0; i < channels; i++) {
      const name = `${tag}-channel${i}`
      const { id } = await owner.api.channels.create.mutate({ name, kind: 'group', members })
      this.#record.channels.push(id)
    }
    const reading = people.pop()
    this.#record.writers = people.map((person) => person.id)
    this.#writers = people.map(({ token }, number) => this.#writer(number, token))
    this.#readers = urls.map((only, node) => this.#reader(node, only, reading?.token ?? ''))
    await Promise.all([...this.#writers, ...this.#readers].map((each) => each.live()))
  }

  start(pace: Pace): void {
    const { messagesPerSecond } = pace
    const intervalMs = messagesPerSecond ? (1000 * this.#writers.length) / messagesPerSecond : 0
    this.#meter.start()
    for (const writer of this.#writers) writer.start(pace, intervalMs)
  }

  phase(): unknown {
    this.#phase += 1
    return this.#meter.phase()
  }

  progress(): Progress {
    return {
      acknowledged: [...this.#counts],
      heard: this.#readers.map((reader) => reader.count),
      writers: this.#writers.map((writer) => writer.state),
      troubles: this.#record.troubles,
    }
  }

  async pause(): Promise<void> {
    this.#meter.stop()
    const paused = Promise.all(this.#writers.map((writer) => writer.pause())).then(() => true)
    const inTime = await Promise.race([paused, later(pauseGuardMs, false, { ref: false })])
    if (!inTime)
      throw new Error(`Messages were not acknowledged ${pauseGuardMs / 1000} s after the last one.`)
  }

  async stop(file: string): Promise<void> {
    await this.pause()
    const deadline = performance.now() + readersGuardMs
    const behind = () => this.#readers.some((reader) => !reader.hasReached(this.#heads))
    while (behind() && performance.now() < deadline) await later(pollMs)
    if (behind()) this.#trouble(`readers were not given everything in ${readersGuardMs / 1000} s`)
    this.#record.heard = this.#readers.flatMap((reader) => reader.heard())
    for (const each of [...this.#writers, ...this.#readers]) each.close()
    writeFileSync(file, JSON.stringify(this.#record))
  }

  #writer(number: number, token: string): Writer {
    const { urls, ca, tag } = this.#plan
    const first = number % urls.length
    const options = { urls: [...urls.slice(first), ...urls.slice(0, first)], ca, token, backoff }
    return new Writer({
      number,
      tag,
      channels: this.#record.channels,
      connect: () => connectNode({ ...options, follow: () => false }),
      onAcknowledged: ({ writer, no, channel, seq, tookMs }) => {
        const atMs = Math.round(performance.timeOrigin + performance.now())
        const message: AcknowledgedMessage = [writer, no, channel, seq, this.#phase, atMs]
        this.#record.acknowledged.push(message)
        this.#counts[writer] = (this.#counts[writer] ?? 0) + 1
        this.#heads[channel] = Math.max(this.#heads[channel] ?? 0, seq)
        this.#meter.acknowledged(writer, tookMs)
      },
      onRefused: () => this.#meter.refused(),
      onTrouble: (trouble) => this.#trouble(trouble),
      onState: (state) => this.#state(`${new Date().toISOString()} writer ${number} ${state}`),
    })
  }

  #reader(node: number, url: string, token: string): Reader {
    const client = connectNode({ urls: [url], ca: this.#plan.ca, token, backoff, begin: 'oldest' })
    const { channels } = this.#record
    return new Reader({ node, channels, client, onTrouble: (trouble) => this.#trouble(trouble) })
  }

  #state(line: string): void {
    if (this.#record.states.length < maxStates) this.#record.states.push(line)
  }

  #trouble(trouble: string): void {
    if (this.#record.troubles.length < maxTroubles) this.#record.troubles.push(trouble)
  }
}

let load: Load | null = null

async function obey(command: LoadCommand): Promise<unknown> {
  if (command.do === 'prepare') {
    load = new Load(command.plan)
    return load.prepare()
  }
  if (load === null) throw new Error('The load has not been prepared.')
  if (command.do === 'start') return load.start(command.pace)
  if (command.do === 'phase') return load.phase()
  if (command.do === 'progress') return load.progress()
  if (command.do === 'pause') return load.pause()
  return load.stop(command.file)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command } = JSON.parse(line) as LoadCommand & { id: number }
  obey(command).then(
    (ok) => process.stdout.write(`${JSON.stringify({ id, ok: ok ?? null })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`),
  )
}
process.exit()
