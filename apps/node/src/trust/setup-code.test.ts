import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SetupCode } from './setup-code.ts'
import { TestClock } from './test-clock.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-setup-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function outcome(code: SetupCode, typed: string, remote = '10.0.0.5'): string {
  try {
    code.check(typed, remote)
    return 'right'
  } catch (error) {
    if (error instanceof HoldfastError) return error.code
    throw error
  }
}

describe('SetupCode', () => {
  it('is kept for its owner only, stays the same over restarts, and is gone when it is finished', async () => {
    const clock = new TestClock()
    const code = new SetupCode(folder, clock)
    const text = await code.open()
    expect(text).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    const file = join(folder, 'setup-code')
    expect(readFileSync(file, 'utf8')).toBe(`${text}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)

    const restarted = new SetupCode(folder, clock)
    expect(await restarted.open()).toBe(text)
    expect(outcome(restarted, ` ${text.toLowerCase().replace('-', ' ')}`)).toBe('right')
    restarted.finish()
    expect(existsSync(file)).toBe(false)
    expect(outcome(restarted, text)).toBe('already-set-up')
    restarted.finish()
  })

  it('is replaced when its file is damaged, and refused when others can read it', async () => {
    const file = join(folder, 'setup-code')
    writeFileSync(file, 'half', { mode: 0o600 })
    const code = new SetupCode(folder, new TestClock())
    const text = await code.open()
    expect(outcome(code, text)).toBe('right')
    chmodSync(file, 0o644)
    await expect(new SetupCode(folder, new TestClock()).open()).rejects.toThrow(
      `${file} holds a secret and is open to other users (mode 0644): run 'chmod 600 ${file}'`,
    )
  })

  it('limits the tries of one remote, even for the right code, and not those of another', async () => {
    const clock = new TestClock()
    const code = new SetupCode(folder, clock)
    const text = await code.open()
    const wrong = text === '0000-0000' ? '1111-1111' : '0000-0000'
    expect([1, 2, 3, 4, 5, 6].map(() => outcome(code, wrong))).toEqual([
      ...Array(5).fill('wrong-code'),
      'locked-out',
    ])
    expect(outcome(code, text)).toBe('locked-out')
    expect(() => code.check(text, '10.0.0.5')).toThrow('try again in 30 seconds')
    expect(outcome(code, text, '10.0.0.6')).toBe('right')
    clock.advance(30_000)
    expect(outcome(code, text)).toBe('right')
    expect(outcome(code, 'nonsense')).toBe('wrong-code')
  })

  it('limits all remotes together', async () => {
    const clock = new TestClock()
    const code = new SetupCode(folder, clock)
    await code.open()
    const outcomes = Array.from({ length: 70 }, (_, index) => outcome(code, 'wrong', `10.0.1.${index}`))
    expect(outcomes.filter((each) => each === 'wrong-code')).toHaveLength(60)
    expect(outcomes.slice(60)).toEqual(Array(10).fill('locked-out'))
  })
})
