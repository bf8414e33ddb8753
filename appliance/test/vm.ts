/** One virtual machine of a test: QEMU without acceleration, its serial console kept, ended by its own process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Packet, packetsIn } from './capture.ts'
import { freePort } from './free-port.ts'
import { formatOf, qemu, type VmOptions } from './vm-arguments.ts'
import type { LanPlug } from './vm-lan.ts'

const stopMs = 20_000
const menuSeconds = 20
const stepMs = 250

/** A copy-on-write disk over `image`, `gib` GiB large. */
export function overlayOf(image: string, to: string, gib = 4): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', formatOf(image), '-b', image, to, `${gib}G`])
  return to
}

export class Vm implements AsyncDisposable {
  /** Of this host's loopback, leads to its HTTPS. */
  readonly port: number
  readonly #options: VmOptions
  #child: ChildProcess | null = null
  #serial = ''
  #log: WriteStream | null = null
  #startedAt = 0
  #read = 0
  /** One for each time it was switched on. */
  readonly #captures: string[] = []

  private constructor(options: VmOptions, port: number) {
    this.#options = options
    this.port = port
  }

  static async start(options: VmOptions): Promise<Vm> {
    const vm = new Vm(options, options.plug?.port ?? (await freePort()))
    vm.#spawn()
    return vm
  }

  get name(): string {
    return this.#options.name
  }

  get disk(): string {
    return this.#options.disk
  }

  get plug(): LanPlug | undefined {
    return this.#options.plug
  }

  /** All that the serial console said. */
  get serial(): string {
    return this.#serial
  }

  /** What went through its network card since the test began. */
  get packets(): Packet[] {
    return this.#captures.flatMap(packetsIn)
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Seconds since the machine was switched on. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000
  }

  #spawn(): void {
    const { name, folder } = this.#options
    mkdirSync(folder, { recursive: true })
    const capture = join(folder, `${name}-${this.#captures.length + 1}.pcap`)
    this.#captures.push(capture)
    const [program = '', ...args] = qemu(this.#options, { port: this.port, capture })
    this.#log = createWriteStream(join(folder, `${name}.serial`), { flags: 'a' })
    this.#startedAt = performance.now()
    // A test that is killed takes its machine along.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const take = (chunk: Buffer) => {
      this.#serial += chunk.toString('latin1')
      this.#log?.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.stdin.on('error', () => {})
    this.#child = child
  }

  /**
   * Waits until the serial console says `pattern`, after what was waited for before.
   * @throws with the end of the console when it does not, or when the machine is off
   */
  async says(pattern: RegExp | string, seconds: number): Promise<RegExpMatchArray> {
    const wanted =
      typeof pattern === 'string' ? new RegExp(pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : pattern
    const deadline = performance.now() + seconds * 1000
    for (;;) {
      const match = wanted.exec(this.#serial.slice(this.#read))
      if (match) {
        this.#read += match.index + match[0].length
        return match
      }
      if (!this.running || performance.now() > deadline)
        throw new Error(
          `the console of ${this.#options.name} did not say ${wanted} in ${seconds} s${this.running ? '' : ' (it is off)'}:\n${this.#serial.slice(-3000)}`,
        )
      await sleep(stepMs)
    }
  }

  /** Types a line on the serial console. */
  type(line: string): void {
    this.#child?.stdin?.write(`${line}\r`)
  }

  /** By the console's menu, which may come late. @throws when it stays on */
  async switchOff(seconds: number): Promise<void> {
    const child = this.#child
    if (!child || !this.running) return
    const gone = once(child, 'exit')
    const deadline = performance.now() + seconds * 1000
    for (let asked = false; !asked; ) {
      this.type('2')
      asked = await this.says(/\[3\] switch off/, menuSeconds).then(
        () => true,
        (error: unknown) => {
          if (performance.now() > deadline) throw error
          return false
        },
      )
    }
    this.type('3')
    const stays = sleep(seconds * 1000, 'stays', { ref: false })
    if ((await Promise.race([gone, stays])) === 'stays')
      throw new Error(`${this.#options.name} did not switch itself off:\n${this.#serial.slice(-3000)}`)
  }

  /** Pulls the plug. */
  async powerCut(): Promise<void> {
    const child = this.#child
    if (!child || !this.running) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await gone
  }

  /** Switches on again with the same disk; `changed` replaces options, such as sticks. */
  async powerOn(changed: Partial<VmOptions> = {}): Promise<void> {
    await this.powerCut()
    Object.assign(this.#options, changed)
    this.#read = this.#serial.length
    this.#spawn()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child && this.running) {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.kill('SIGTERM')
      await Promise.race([gone, sleep(stopMs)])
      await this.powerCut()
    }
    this.#log?.end()
  }
}
