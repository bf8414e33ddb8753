/**
 * A freshly installed Debian with its own systemd as process 1, in a container of systemd-nspawn: what an installer of
 * the package has, without its kernel.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder, type Finished, must, needs, needsRoot, run } from './programs.ts'

export type Suite = 'bookworm' | 'trixie'

/** Made anew when it is older: Debian's packages change. */
const rootMaxAgeMs = 7 * 86_400_000
const stepMs = 100
/** A hang guard of each wait. */
const guardMs = 120_000
/** What a machine that somebody installed has, and the smallest Debian lacks. */
const hosts = '127.0.0.1 localhost\n::1 localhost\n'

/** A tar archive of the suite's smallest installation with systemd. */
async function rootArchive(suite: Suite): Promise<string> {
  needs('mmdebstrap', 'mmdebstrap')
  mkdirSync(cacheFolder, { recursive: true })
  const archive = join(cacheFolder, `${suite}-root.tar`)
  const made = `${archive}.made`
  if (existsSync(archive) && Date.now() - Number(readFileSync(made, 'utf8')) < rootMaxAgeMs) return archive
  // mmdebstrap knows by the name that it is an archive.
  const next = join(cacheFolder, `${suite}-root.${process.pid}.tar`)
  const mirror = await debianMirror()
  const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} main`
  const packages = '--include=systemd,systemd-sysv'
  const sources = `${next}.list`
  writeFileSync(sources, `${source}\n`)
  await must(['nice', 'mmdebstrap', '--quiet', '--variant=apt', packages, suite, next, sources])
  rmSync(sources)
  renameSync(next, archive)
  writeFileSync(made, String(Date.now()))
  return archive
}

/** The mirror that this machine's apt uses. */
async function debianMirror(): Promise<string> {
  const listed = await must([
    'apt-get',
    'indextargets',
    '--format',
    '$(RELEASE) $(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  ])
  const uri = /^[a-z]+ main (\S+)$/m.exec(listed)?.[1]
  if (uri === undefined) throw new Error("apt's sources on this machine name no mirror of Debian")
  return uri
}

export class DebianMachine implements AsyncDisposable {
  readonly root: string
  readonly #folder: string
  #container: ChildProcess | null = null
  #leader = 0
  #network: string | null = null

  private constructor(folder: string) {
    this.#folder = folder
    this.root = join(folder, 'root')
  }

  /** Installs the suite into a new folder; nothing runs yet. */
  static async install(suite: Suite): Promise<DebianMachine> {
    needsRoot()
    needs('systemd-nspawn', 'systemd-container')
    const archive = await rootArchive(suite)
    const machine = new DebianMachine(mkdtempSync(join(cacheFolder, 'machine-')))
    mkdirSync(machine.root)
    await must(['tar', '-xf', archive, '-C', machine.root])
    writeFileSync(join(machine.root, 'etc/machine-id'), '')
    writeFileSync(join(machine.root, 'etc/hosts'), hosts)
    return machine
  }

  /**
   * Boots, and waits until systemd has started what there is to start.
   * @param network path of a network namespace; without one there is loopback only
   */
  async boot(network: string | null = this.#network): Promise<void> {
    this.#network = network
    const where = network === null ? '--private-network' : `--network-namespace-path=${network}`
    const child = spawn(
      'systemd-nspawn',
      ['--quiet', '--register=no', '--keep-unit', where, '--console=pipe', '--boot'].concat([
        `--directory=${this.root}`,
      ]),
      // The container's systemd wants the unified hierarchy, which newer ones know alone.
      { stdio: 'ignore', env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' } },
    )
    this.#container = child
    await until('systemd-nspawn starts process 1', async () => {
      if (child.exitCode !== null) throw new Error(`systemd-nspawn ended with ${child.exitCode}`)
      const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      this.#leader = Number(children.split(' ')[0])
      return this.#leader > 0
    })
    await until('systemd is up', async () => {
      const state = (await this.run(['systemctl', 'is-system-running'])).stdout.trim()
      return state === 'running' || state === 'degraded'
    })
  }

  /** Runs a program inside. */
  run(command: readonly string[], options: { input?: string } = {}): Promise<Finished> {
    const inside = ['nsenter', '--target', String(this.#leader), '--all', '--', 'env', 'HOME=/root']
    return run([...inside, ...command], { cwd: '/', ...options })
  }

  /** Runs a program inside that must succeed; its standard output. */
  async must(command: readonly string[], options: { input?: string } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, options)
    if (code === 0) return stdout
    const journal = await this.run(['journalctl', '--no-pager', '-n', '40', '-o', 'cat'])
    throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}\n${stderr}\n${journal.stdout}`)
  }

  /** Shuts it down as its administrator would. */
  async shutDown(): Promise<void> {
    const child = this.#container
    if (child === null) return
    await this.run(['systemctl', 'poweroff'])
    await until('the machine is off', async () => child.exitCode !== null || child.signalCode !== null)
    this.#container = null
  }

  /** Ends every process at once, as a power cut does; what was written stays, flushed or not. */
  async kill(): Promise<void> {
    const child = this.#container
    if (child === null) return
    process.kill(this.#leader, 'SIGKILL')
    await until('the machine is off', async () => child.exitCode !== null || child.signalCode !== null)
    this.#container = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.shutDown()
    } catch {
      this.#container?.kill('SIGKILL')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Waits for a condition, within a bound. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + guardMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${guardMs} ms in vain: ${what}`)
    await sleep(stepMs)
  }
}
