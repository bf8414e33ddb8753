/** podman with storage of its own, and what this kind of machine allows its containers. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Finished, must, needs, needsRoot, run } from './programs.ts'

export type Runtime = 'crun' | 'runc'

/** podman lowers its own limit of processes to the highest process id, and cannot raise it for a container. */
const processLimit = () => readFileSync('/proc/sys/kernel/pid_max', 'utf8').trim()

export class Podman implements AsyncDisposable {
  readonly #folder: string
  readonly #runFolder: string
  readonly #flags: string[]
  readonly #limits: string[]
  #containers: string[] = []

  constructor(folder: string) {
    needsRoot()
    needs('podman', 'podman')
    this.#folder = join(folder, 'podman')
    mkdirSync(this.#folder, { recursive: true })
    // podman takes no more than 50 characters for it, since sockets lie in it.
    this.#runFolder = mkdtempSync(join(tmpdir(), 'hf-podman-'))
    const place = (name: string) => join(this.#folder, name)
    this.#flags = ['--root', place('root'), '--runroot', this.#runFolder, '--tmpdir', place('tmp')]
    this.#flags.push('--cgroup-manager', 'cgroupfs', '--events-backend', 'none')
    const openFiles = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    const processes = processLimit()
    this.#limits = ['--ulimit', `nofile=${openFiles}:${openFiles}`]
    this.#limits.push('--ulimit', `nproc=${processes}:${processes}`)
  }

  /** Runs podman. */
  run(args: readonly string[], options: { runtime?: Runtime; input?: string } = {}): Promise<Finished> {
    return run(this.#command(args, options.runtime ?? 'runc'), options)
  }

  /** Runs podman, which must succeed; its standard output. */
  must(args: readonly string[], options: { runtime?: Runtime; input?: string } = {}): Promise<string> {
    return must(this.#command(args, options.runtime ?? 'runc'), options)
  }

  /**
   * Starts a container as a careful operator would: nothing writable but its volume and /tmp, no capabilities.
   * @param more further flags of `podman run`; without `--network` it has loopback only
   */
  async start(name: string, image: string, runtime: Runtime, more: readonly string[]): Promise<void> {
    needs(runtime, runtime)
    this.#containers.push(name)
    await this.must(['run', '--detach', '--name', name, ...this.#closed(runtime, more), ...more, image], {
      runtime,
    })
  }

  /** Runs one command in a container of its own, which is as closed; its standard output. */
  once(
    image: string,
    runtime: Runtime,
    more: readonly string[],
    command: readonly string[],
  ): Promise<string> {
    return this.must(['run', '--rm', ...this.#closed(runtime, more), ...more, image, ...command], { runtime })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#containers) await this.run(['rm', '--force', '--time', '5', name])
    await this.run(['volume', 'rm', '--all', '--force'])
    await run(['umount', join(this.#folder, 'root/overlay')])
    rmSync(this.#runFolder, { recursive: true, force: true })
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #closed(runtime: Runtime, more: readonly string[]): string[] {
    const closed = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']
    if (!more.includes('--network')) closed.push('--network=none')
    // crun refuses what it cannot govern: a machine with both generations of cgroups.
    const groups = runtime === 'crun' ? ['--cgroups=disabled'] : []
    return [...closed, ...groups, ...this.#limits]
  }

  #command(args: readonly string[], runtime: Runtime): string[] {
    const podman = ['podman', ...this.#flags, '--runtime', runtime, ...args]
    if (runtime === 'runc') return podman
    // In a mount namespace of its own, without the second hierarchy where there are two.
    const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
    return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...podman]
  }
}
