/**
 * Names of what a lab makes on this machine, and the removal of what a killed run left. Every name carries its owner,
 * process id and start time, so that a lab in use is never taken for a leftover: `hflab.PID.START.NUMBER`.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ownName = /^hflab\.(\d+)\.(\d+)\.\d+/
const namespaceFolder = '/run/netns'
/** Processes that were killed are gone within milliseconds; a namespace whose processes stay is not waited for longer. */
const killGuardMs = 5_000
const killPollMs = 10

/** Daemons and tools of the network stand outside the PATH of some shells. */
export const toolEnv = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }

export function labName(number: number): string {
  return `hflab.${process.pid}.${startTime(process.pid)}.${number}`
}

export const folderOf = (lab: string): string => join(tmpdir(), lab)
export const namespaceOf = (lab: string, host: string): string => `${lab}.${host}`
export const namespacePath = (namespace: string): string => join(namespaceFolder, namespace)

/** Takes away everything of one lab: processes in its namespaces, namespaces, mounts, folder. Never throws for what is gone. */
export function removeLab(lab: string): void {
  const namespaces = listNamespaces().filter((name) => name.startsWith(`${lab}.`))
  const stillThere = (name: string) => existsSync(namespacePath(name))
  for (const name of namespaces)
    unlessGone(
      () => endProcesses(name),
      () => stillThere(name),
    )
  for (const name of namespaces)
    unlessGone(
      () => tool('ip', 'netns', 'del', name),
      () => stillThere(name),
    )
  const folder = folderOf(lab)
  for (const mount of mountsBelow(folder)) {
    unlessGone(
      () => tool('umount', '--lazy', mount),
      () => mountsBelow(folder).includes(mount),
    )
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** Removes the labs whose owner does not run any more. @returns their names */
export function sweepLeftovers(): string[] {
  const folders = readdirSync(tmpdir())
  const labs = new Set(
    [...listNamespaces(), ...folders]
      .flatMap((name) => {
        const match = ownName.exec(name)
        return match ? [{ name: match[0], pid: Number(match[1]), start: match[2] }] : []
      })
      .filter(({ pid, start }) => startTime(pid) !== start)
      .map(({ name }) => name),
  )
  for (const lab of labs) removeLab(lab)
  return [...labs]
}

/** Another run may sweep the same leftovers at the same time. */
function unlessGone(remove: () => void, isThere: () => boolean): void {
  try {
    remove()
  } catch (error) {
    if (isThere()) throw error
  }
}

function tool(program: string, ...words: string[]): string {
  return execFileSync(program, words, { env: toolEnv, encoding: 'utf8', stdio: 'pipe' })
}

/** Ids of the processes in a namespace. */
export function processesIn(namespace: string): number[] {
  return tool('ip', 'netns', 'pids', namespace).split('\n').filter(Boolean).map(Number)
}

function endProcesses(namespace: string): void {
  const deadline = performance.now() + killGuardMs
  for (let pids = processesIn(namespace); pids.length > 0; pids = processesIn(namespace)) {
    for (const pid of pids) killIfThere(pid)
    if (performance.now() > deadline) return
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, killPollMs)
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function listNamespaces(): string[] {
  try {
    return readdirSync(namespaceFolder)
  } catch {
    return [] // no namespace was ever made on this machine
  }
}

function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .reverse()
}

/** Clock ticks since boot at which a process started (proc_pid_stat(5), field 22); with its id it names one process. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
