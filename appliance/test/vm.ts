/** One virtual machine of a test: QEMU without acceleration, its serial console kept, ended by its own process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, createWriteStream, existsSync, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import type { LanPlug } from './vm-lan.ts'

export interface VmOptions {
  /** Names its logs. */
  name: string
  /** Folder of overlay, variables and logs. */
  folder: string
  /** Disk image; use `overlayOf` to keep the original as it is. */
  disk: string
  firmware?: 'bios' | 'uefi'
  memoryMib?: number
  /** Raw images that show as USB sticks. */
  sticks?: readonly string[]
  /** Strings of SMBIOS type 11. */
  smbios?: readonly string[]
  /** Another disk, such as the target of an installer. */
  secondDisk?: string
  /** Its place on a LAN; without it it is alone with this host. */
  plug?: LanPlug
}

const httpsPort = 443
const stopMs = 20_000
const stepMs = 250

/** A copy-on-write disk over `image`, `gib` GiB large. */
export function overlayOf(image: string, to: string, gib = 4): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', formatOf(image), '-b', image, to, `${gib}G`])
  return to
}

const formatOf = (file: string) => (file.endsWith('.qcow2') ? 'qcow2' : 'raw')

export class Vm implements AsyncDisposable {
  readonly port: number
  readonly #options: VmOptions
  #child: ChildProcess | null = null
  #serial = ''
  #log: WriteStream | null = null
  #startedAt = 0
  #read = 0

  private constructor(options: VmOptions, port: number) {
    this.#options = options
    this.port = port
  }

  static async start(options: VmOptions): Promise<Vm> {
    const vm = new Vm(options, options.plug?.port ?? (await freePort()))
    vm.#spawn()
    return vm
  }

  /** All that the serial console said. */
  get serial(): string {
    return this.#serial
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Seconds since the machine was switched on. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000
  }

  #spawn(): void {
    const {
      name,
      folder,
      disk,
      firmware = 'bios',
      memoryMib = 1024,
      sticks = [],
      smbios = [],
      secondDisk,
      plug,
    } = this.#options
    mkdirSync(folder, { recursive: true })
    const network = `user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:${this.port}-:${httpsPort}`
    const args = [
      '-accel',
      'tcg',
      '-cpu',
      'max',
      '-smp',
      '1',
      '-m',
      String(memoryMib),
      '-display',
      'none',
      '-nodefaults',
      '-serial',
      'stdio',
    ]
    args.push('-drive', `if=virtio,format=${formatOf(disk)},file=${disk},cache=unsafe`)
    if (secondDisk)
      args.push('-drive', `if=virtio,format=${formatOf(secondDisk)},file=${secondDisk},cache=unsafe`)
    args.push(...(plug?.args ?? ['-netdev', network, '-device', 'virtio-net-pci,netdev=lan']))
    args.push('-device', 'virtio-rng-pci')
    if (sticks.length > 0) args.push('-device', 'qemu-xhci')
    for (const [index, stick] of sticks.entries())
      args.push(
        '-drive',
        `if=none,id=stick${index},format=raw,file=${stick}`,
        '-device',
        `usb-storage,drive=stick${index},removable=on`,
      )
    for (const text of smbios) args.push('-smbios', `type=11,value=${text.replaceAll(',', ',,')}`)
    if (firmware === 'uefi') {
      const variables = join(folder, `${name}.vars`)
      if (!existsSync(variables)) copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', variables)
      args.push('-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd')
      args.push('-drive', `if=pflash,unit=1,format=raw,file=${variables}`)
    }
    this.#log = createWriteStream(join(folder, `${name}.serial`), { flags: 'a' })
    this.#startedAt = performance.now()
    const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'pipe'] })
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
