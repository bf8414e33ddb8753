import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { printable } from '../cli/output.ts'
import { syncFolder } from '../platform/files.ts'
import { type MachineFacts, screenLines } from './console-view.ts'
import { LocalNode } from './local-node.ts'
import { machineFacts } from './machine-facts.ts'
import {
  addressFault,
  fixedTimeServers,
  gatewayFault,
  isAddress,
  maxTimeServers,
  setNetwork,
} from './network.ts'
import type { AppliancePaths } from './paths.ts'
import { type RunTool, runTool } from './tools.ts'

const refreshMs = 3_000
const clear = '\x1b[2J\x1b[H'
const resetWord = 'ERASE'
/** What a check prints at most, so that it stays on the screen. */
const maxCheckLines = 40

/**
 * The screen for whoever stands before the machine. It offers what needs presence and no more: there is no way from
 * here to a shell. Whoever can press these keys can also pull the disk.
 */
export class ConsoleScreen {
  readonly #paths: AppliancePaths
  readonly #node: LocalNode
  readonly #output: Writable
  readonly #lines: Interface
  readonly #run: RunTool
  #shown = ''
  #busy = false

  constructor(paths: AppliancePaths, input: Readable, output: Writable, run: RunTool = runTool) {
    this.#paths = paths
    this.#node = new LocalNode(paths)
    this.#output = output
    this.#run = run
    this.#lines = createInterface({ input, output, terminal: false })
  }

  async run(): Promise<void> {
    this.#lines.on('line', (line) => {
      if (!this.#busy) void this.#choose(line.trim())
    })
    const ended = new Promise<void>((resolve) => this.#lines.once('close', resolve))
    let open = true
    void ended.then(() => {
      open = false
    })
    while (open) {
      if (!this.#busy) this.#show(await machineFacts(this.#paths, this.#node))
      await Promise.race([sleep(refreshMs), ended])
    }
  }

  #show(facts: MachineFacts): void {
    const text = screenLines(facts).join('\r\n')
    if (this.#busy || text === this.#shown) return
    this.#shown = text
    this.#output.write(`${clear}${text}\r\n\r\n  Key, then Enter: `)
  }

  #redraw(): void {
    this.#shown = ''
  }

  async #choose(key: string): Promise<void> {
    const actions: Record<string, () => Promise<void>> = {
      1: () => this.#network(),
      2: () => this.#restart(),
      3: () => this.#recover(),
      4: () => this.#factoryReset(),
    }
    const action = actions[key]
    if (!action) return this.#redraw()
    this.#busy = true
    try {
      await action()
    } catch (error) {
      await this.#tell(`This did not work: ${(error as Error).message}`)
    } finally {
      this.#busy = false
      this.#redraw()
    }
  }

  async #network(): Promise<void> {
    const choice = await this.#ask('Network: [1] address from DHCP   [2] fixed address   Enter: back')
    if (choice === '1') {
      await setNetwork(this.#paths, null, this.#run)
      return await this.#tell('The address comes from DHCP.')
    }
    if (choice !== '2') return
    const address = await this.#ask('Address with prefix, such as 10.0.0.5/24')
    const fault = addressFault(address)
    if (fault) return await this.#tell(fault)
    const gateway = await this.#ask('Gateway, or Enter for none')
    const wrong = gateway === '' ? null : gatewayFault(gateway, address)
    if (wrong) return await this.#tell(wrong)
    const ntp = await this.#timeServers()
    if (ntp === null) return
    await setNetwork(this.#paths, { address, gateway: gateway || undefined, ntp }, this.#run)
    await this.#tell(`The address is ${address}. In a minute the certificate of the node names it.`)
  }

  /** @returns null: what was typed is none, and that was said */
  async #timeServers(): Promise<string[] | null> {
    const set = fixedTimeServers(this.#paths)
    const otherwise = set.length > 0 ? `- for none, or Enter for ${set.join(' ')}` : 'or Enter for none'
    const typed = await this.#ask(`Time servers, with spaces between them, ${otherwise}`)
    if (typed === '') return set
    const servers = typed === '-' ? [] : typed.split(/\s+/)
    if (servers.length <= maxTimeServers && servers.every(isAddress)) return servers
    await this.#tell(
      `A time server must be an address, such as 10.0.0.2, and there can be ${maxTimeServers} at most.`,
    )
    return null
  }

  async #restart(): Promise<void> {
    const choice = await this.#ask('Restart: [1] the node   [2] the machine   [3] switch off   Enter: back')
    const commands: Record<string, string[]> = {
      1: ['--no-block', 'restart', 'holdfast.service'],
      2: ['--no-block', 'reboot'],
      3: ['--no-block', 'poweroff'],
    }
    const command = commands[choice]
    if (!command) return
    await this.#run('systemctl', command)
    await this.#tell(choice === '3' ? 'The machine switches off.' : 'It restarts.')
  }

  async #recover(): Promise<void> {
    const choice = await this.#ask(
      'Recover: [1] check this machine   [2] show what was logged last   Enter: back',
    )
    if (choice === '1') await this.#check()
    if (choice === '2') {
      const log = await this.#run('journalctl', [
        '-u',
        'holdfast*',
        '-n',
        String(maxCheckLines),
        '--no-pager',
        '-o',
        'cat',
      ])
      await this.#tell(log)
    }
  }

  async #check(): Promise<void> {
    this.#output.write('Checking, this takes some seconds.\r\n')
    const report = await this.#run('/usr/bin/holdfast', [
      'doctor',
      '--data',
      this.#paths.node,
      '--port',
      '443',
    ]).catch((error: { output?: string; message: string }) => error.output ?? error.message)
    await this.#tell(report.split('\n').slice(0, maxCheckLines).join('\n'))
  }

  async #factoryReset(): Promise<void> {
    const word = await this.#ask(
      `Factory reset deletes every message, person, key and log on this machine. There is no way back.\r\nTraces may stay on the disk: destroy or overwrite one that leaves your hands.\r\nType ${resetWord} to do it; Enter goes back`,
    )
    if (word !== resetWord) return
    await this.#run('systemctl', ['stop', 'holdfast.service'])
    // The initial file system erases the partition at the next start, when nothing uses it.
    writeFileSync(join(this.#paths.data, 'factory-reset'), '')
    await syncFolder(this.#paths.data)
    await this.#run('systemctl', ['--no-block', 'reboot'])
    await this.#tell('The machine restarts and erases everything.')
  }

  async #ask(question: string): Promise<string> {
    const answer = this.#lines.question(`\r\n${question}: `)
    return (await answer).trim()
  }

  /** What others wrote, such as a line of the log, does not drive the terminal. */
  async #tell(text: string): Promise<void> {
    const lines = printable(text.replaceAll('\r\n', '\n')).replaceAll('\n', '\r\n')
    this.#output.write(`\r\n${lines}\r\n`)
    await this.#ask('Enter goes on')
  }
}
