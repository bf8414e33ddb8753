import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { LockedError, OpenError } from './errors.ts'
import { acquireLock } from './lock.ts'
import { temporaryFolder } from './test-folder.ts'

const program = join(import.meta.dirname, 'test-programs', 'hold-lock.ts')

/** Starts a process that takes the lock; resolves with what it says first. */
async function start(
  folder: string,
): Promise<{ child: ChildProcessByStdio<null, Readable, null>; says: string }> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { child, says: String(line).trim() }
}

async function kill(child: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function refusal(folder: string): LockedError {
  try {
    acquireLock(folder).release()
  } catch (error) {
    if (error instanceof LockedError) return error
    throw error
  }
  throw new Error('the folder was free')
}

describe('acquireLock', () => {
  it('refuses a second process, names the first, and is free after kill -9', async () => {
    using home = temporaryFolder()
    const { child, says } = await start(home.path)
    expect(says).toBe('held')
    try {
      const error = refusal(home.path)
      expect(error.holderPid).toBe(child.pid)
      expect(error.message).toContain(`${home.path} is in use by another Holdfast, process ${child.pid} on `)
      expect(error.message).toContain('stop it first')
      expect(error.message).not.toContain('\n')
      const second = await start(home.path)
      expect(second.says).toContain(`LockedError: ${error.message}`)
    } finally {
      await kill(child)
    }
    const lock = acquireLock(home.path)
    expect(lock.folder).toBe(home.path)
    lock.release()
  })

  it('holds within one process too, until it is released', () => {
    using home = temporaryFolder()
    {
      using _lock = acquireLock(home.path)
      expect(refusal(home.path).holderPid).toBe(process.pid)
      expect(refusal(home.path).holderPid).toBe(process.pid)
    }
    const lock = acquireLock(home.path)
    lock.release()
    lock.release()
    expect(readdirSync(home.path)).toEqual(['holdfast.lock'])
  })

  it('decides by the lock and not by the note', () => {
    using home = temporaryFolder()
    writeFileSync(
      join(home.path, 'holdfast.pid'),
      JSON.stringify({ pid: process.ppid, since: 'x', host: 'y' }),
    )
    using _lock = acquireLock(home.path)
    rmSync(join(home.path, 'holdfast.pid'))
    expect(refusal(home.path).message).toContain('a process that left no note')
    writeFileSync(join(home.path, 'holdfast.pid'), '{"pid": "7"}')
    expect(refusal(home.path).holderPid).toBeNull()
  })

  it('lets exactly one of many that start at once have it', async () => {
    using home = temporaryFolder()
    const all = await Promise.all(Array.from({ length: 4 }, () => start(home.path)))
    try {
      expect(all.filter(({ says }) => says === 'held')).toHaveLength(1)
      expect(all.filter(({ says }) => says.startsWith('LockedError'))).toHaveLength(3)
    } finally {
      await Promise.all(all.filter(({ says }) => says === 'held').map(({ child }) => kill(child)))
    }
  })

  it('says that the folder is missing', () => {
    using home = temporaryFolder()
    const folder = join(home.path, 'missing')
    expect(() => acquireLock(folder)).toThrow(OpenError)
    expect(() => acquireLock(folder)).toThrow(`${folder} cannot be locked`)
    expect(existsSync(folder)).toBe(false)
  })
})
