/** The command as scripts use it: spawned, against a real node. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command, type Result, runCommand } from '../../test/command.ts'
import { ownerName, startNode, type TestNode, testPassword } from '../../test/harness.ts'

let node: TestNode
let home: string
let password: string

const holdfast = (args: string[], options: { input?: string; env?: Record<string, string> } = {}) =>
  runCommand(args, { ...options, env: { XDG_CONFIG_HOME: home, ...options.env } })

/** The JSON values that a command printed, one per line. */
async function json(args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await holdfast([...args, '--json'])
  expect({ code, err }).toMatchObject({ code: 0 })
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function login(user: string, profile: string, ...more: string[]): Promise<Result> {
  const ca = join(home, 'ca.pem')
  return holdfast([
    'login',
    '--url',
    node.url,
    '--user',
    user,
    '--password-file',
    password,
    '--ca',
    ca,
    '--profile',
    profile,
    ...more,
  ])
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  password = join(home, 'password')
  writeFileSync(password, `${testPassword}\n`, { mode: 0o600 })
  node = await startNode({ policy: { deviceApproval: 'manual' } })
  writeFileSync(join(home, 'ca.pem'), node.ca)
  expect(await login(ownerName, 'default')).toMatchObject({ code: 0 })
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

describe('logging in', () => {
  test('keeps the profile and the key to their owner, and binds the session once the device is approved', async () => {
    for (const file of ['default.json', 'default.key'])
      expect(statSync(join(home, 'holdfast', file)).mode & 0o777).toBe(0o600)
    const [device] = await json(['device', 'mine'])
    expect(device).toMatchObject({ status: 'pending', personName: ownerName })
    await json(['device', 'approve', String(device!.id)])
    expect((await login(ownerName, 'default')).out).toContain('bound to the key of this device')
    const profile = JSON.parse(readFileSync(join(home, 'holdfast/default.json'), 'utf8')) as { token: string }
    // The token alone, as a thief has it, opens nothing.
    await expect(node.api(profile.token).auth.me.query()).rejects.toMatchObject({ code: 'proof-invalid' })
    expect(await json(['device', 'mine'])).toMatchObject([{ id: device!.id, status: 'approved' }])
  })

  test('recovery codes are renewed, and one of them sets a new password at the login, once', async () => {
    const file = (name: string, text: string) => {
      writeFileSync(join(home, name), `${text}\n`, { mode: 0o600 })
      return join(home, name)
    }
    await json(['person', 'add', 'second', '--password-file', password, '--role', 'owner'])
    await login('second', 'second', '--no-device')
    const renew = ['recovery-codes', 'renew', '--profile', 'second', '--password-file']
    expect(await holdfast([...renew, file('guess', 'not-the-password')])).toMatchObject({
      code: 1,
      out: '',
      err: 'holdfast: Name or password is wrong.\n',
    })
    const [made] = (await json([...renew, password])) as [{ recoveryCodes: string[] }]
    expect(made.recoveryCodes).toHaveLength(10)
    const who = ['--url', node.url, '--user', 'second', '--ca', join(home, 'ca.pem'), '--profile', 'second']
    const recover = [
      ...who,
      '--no-device',
      '--recover',
      '--new-password-file',
      file('newer', 'a-newer-password'),
    ]
    const code = file('code', made.recoveryCodes[4]?.toLowerCase() ?? '')
    expect(await holdfast(['login', ...recover, '--password-file', password])).toMatchObject({ code: 2 })
    expect(await holdfast(['login', ...recover, '--recovery-code-file', code])).toMatchObject({ code: 0 })
    const [me] = await json(['person', 'show', 'second', '--profile', 'second'])
    expect(me?.sessions).toHaveLength(1)
    expect(await holdfast(['login', ...recover, '--recovery-code-file', code])).toMatchObject({
      code: 1,
      err: 'holdfast: Name or recovery code is wrong, or the code was used before.\n',
    })
  })

  test('refuses a CA that nobody has confirmed, and takes one by its fingerprint', async () => {
    const args = [
      'login',
      '--url',
      node.url,
      '--user',
      ownerName,
      '--password-file',
      password,
      '--no-device',
      '--profile',
      'other',
    ]
    const refused = await holdfast(args)
    expect(refused.code).toBe(2)
    const fingerprint = /--fingerprint ([0-9A-F:]{95})/.exec(refused.err)?.[1] ?? ''
    expect(
      await holdfast([
        ...args,
        '--fingerprint',
        fingerprint.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ]),
    ).toMatchObject({
      code: 1,
    })
    expect(await holdfast([...args, '--fingerprint', fingerprint])).toMatchObject({ code: 0 })
    expect(await holdfast(['logout', '--profile', 'other'])).toMatchObject({ code: 0 })
    expect(await holdfast(['who', '--profile', 'other'])).toMatchObject({ code: 1 })
  })

  test('a wrong password is refused in one line', async () => {
    const wrong = join(home, 'wrong')
    writeFileSync(wrong, 'wrong password')
    const result = await holdfast([
      'login',
      '--url',
      node.url,
      '--user',
      ownerName,
      '--password-file',
      wrong,
      '--ca',
      join(home, 'ca.pem'),
      '--profile',
      'wrong',
      '--no-device',
    ])
    expect(result.code).toBe(1)
    expect(result.err).toMatch(/^holdfast: [^\n]+\n$/)
  })

  test('somebody who must choose a new password does so', async () => {
    const next = join(home, 'next')
    writeFileSync(next, 'another-horse-battery')
    await json(['person', 'add', 'newcomer', '--password-file', password, '--must-change'])
    expect(await login('newcomer', 'newcomer', '--no-device')).toMatchObject({ code: 2 })
    expect(await login('newcomer', 'newcomer', '--no-device', '--new-password-file', next)).toMatchObject({
      code: 0,
    })
    await expect(node.login('newcomer', 'another-horse-battery')).resolves.toMatchObject({
      mustChange: false,
    })
  })
})

describe('talking', () => {
  beforeAll(async () => {
    await json(['person', 'add', 'bob', '--password-file', password])
    expect(await login('bob', 'bob', '--no-device')).toMatchObject({ code: 0 })
    await json(['channel', 'create', 'ops', '--kind', 'group', '--members', 'bob'])
  })

  test('send prints the sequence, and the same id is stored once', async () => {
    const first = await holdfast(['send', 'ops', 'hello', '--id', 'one', '--priority', 'urgent'])
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(await json(['send', 'ops', 'hello', '--id', 'one'])).toMatchObject([
      { seq: Number(first.out), id: 'one', duplicate: true },
    ])
    const piped = await holdfast(['send', '#ops', '-', '--reply', first.out.trim()], {
      input: 'two\nlines\n',
    })
    expect(piped).toMatchObject({ code: 0 })
    const entries = await json(['tail', 'ops', '--since', '0', '--no-follow'])
    expect(entries.at(-1)).toMatchObject({
      body: 'two\nlines',
      target: Number(first.out),
      fromName: ownerName,
    })
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, i) => i + 1))
  })

  test('tail goes on where it was told, and prints what comes', async () => {
    const [last] = await json(['send', 'ops', 'before'])
    const child = spawn(
      command,
      ['tail', 'ops', '--since', String(Number(last!.seq) - 1), '--json', '--profile', 'bob'],
      {
        env: { ...process.env, XDG_CONFIG_HOME: home },
      },
    )
    const bodies: string[] = []
    const waiting: { body: string; resolve(): void }[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((each) => each !== ''))
        bodies.push((JSON.parse(line) as { body: string }).body)
      for (const each of waiting) if (bodies.includes(each.body)) each.resolve()
    })
    const seen = (body: string): Promise<void> =>
      bodies.includes(body) ? Promise.resolve() : new Promise((resolve) => waiting.push({ body, resolve }))
    await seen('before')
    await holdfast(['send', 'ops', 'live'])
    await seen('live')
    const ended = new Promise((resolve) => child.on('close', resolve))
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(bodies).toEqual(['before', 'live'])
  })

  test('@name is the direct channel, for both', async () => {
    await holdfast(['send', '@bob', 'psst'])
    expect(await json(['tail', `@${ownerName}`, '--no-follow', '--profile', 'bob'])).toMatchObject([
      { body: 'psst' },
    ])
  })

  test('edit, delete and search', async () => {
    const [sent] = await json(['send', 'ops', 'a misspeled word'])
    const seq = String(sent!.seq)
    await json(['edit', 'ops', seq, 'a misspelled word'])
    // The full-text index follows the log; it says how far behind it is.
    for (let hits: unknown[] = []; hits.length === 0; )
      hits = await json(['search', 'misspelled', '--channel', 'ops'])
    expect(await holdfast(['edit', 'ops', seq, 'mine', '--profile', 'bob'])).toMatchObject({ code: 1 })
    await json(['delete', 'ops', seq])
    const [entry] = await json(['tail', 'ops', '--since', String(Number(seq) - 1), '--no-follow'])
    expect(entry).toMatchObject({ deleted: true, body: '' })
  })

  test('chat sends each line and shows who is here', async () => {
    const result = await holdfast(['chat', 'ops', '--lines', '0', '--profile', 'bob'], {
      input: 'from chat\n/who\n',
    })
    expect(result).toMatchObject({ code: 0, err: '' })
    expect(result.out).toContain('bob')
    expect((await json(['tail', 'ops', '--lines', '1', '--no-follow'])).at(0)).toMatchObject({
      body: 'from chat',
      fromName: 'bob',
    })
  })

  test('what may not be done is refused: exit code 1, one line, nothing on standard output', async () => {
    for (const args of [
      ['send', 'nosuchchannel', 'x'],
      ['send', '@nobody', 'x'],
      ['person', 'add', 'eve', '--profile', 'bob'],
      ['person', 'suspend', 'nobody'],
      ['status', '--profile', 'bob'],
      ['who', '--profile', 'never-logged-in'],
    ]) {
      const result = await holdfast(args)
      expect({ args, ...result }).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/^holdfast: [^\n]+\n$/),
      })
    }
  })
})

describe('looking after the facility', () => {
  test('people, groups and channels', async () => {
    await json([
      'person',
      'add',
      'carol',
      '--display-name',
      'Carol C',
      '--role',
      'helpdesk',
      '--password-file',
      password,
    ])
    await json(['person', 'set-role', 'carol', 'member'])
    await json(['group', 'create', 'night', '--members', 'carol'])
    await json([
      'channel',
      'create',
      'night-shift',
      '--kind',
      'announcement',
      '--groups',
      'night',
      '--retention-days',
      '30',
    ])
    expect(await json(['channel', 'show', 'night-shift'])).toMatchObject([
      {
        retentionDays: 30,
        groups: [{ name: 'night' }],
        members: expect.arrayContaining([expect.objectContaining({ name: 'carol', via: 'night' })]),
      },
    ])
    expect(
      await json(['channel', 'set', 'night-shift', '--retention-days', '0', '--topic', 'Nights']),
    ).toMatchObject([{ retentionDays: null, topic: 'Nights' }])
    await json(['channel', 'archive', 'night-shift'])
    await json(['group', 'delete', 'night'])
    await json(['person', 'suspend', 'carol'])
    await expect(node.login('carol')).rejects.toThrow()
    await json(['person', 'resume', 'carol'])
    await json(['person', 'erase', 'carol', '--yes'])
    expect((await json(['person', 'list'])).map((row) => row.name)).not.toContain('carol')
  })

  test('says what a person lacks who was added without a password', async () => {
    expect((await holdfast(['person', 'add', 'keyless'])).out).toMatch(
      /^Without a password keyless cannot sign in: holdfast person set-password keyless$/m,
    )
  })

  // Regression: it said "last seen never ago".
  test('tells of somebody who never connected', async () => {
    await json(['person', 'add', 'absent', '--password-file', password])
    expect((await holdfast(['person', 'show', 'absent'])).out).toMatch(/^Presence: +never seen$/m)
  })

  test('import tells the made passwords and the refused lines', async () => {
    const result = await holdfast(['person', 'import', '-', '--json'], {
      input: 'name,displayName,role\ndave,Dave,member\nbad name,X,member\n',
    })
    expect(result.code).toBe(1)
    expect(JSON.parse(result.out)).toMatchObject({
      added: [{ name: 'dave', password: expect.any(String) }],
      refused: [{ line: 3 }],
    })
  })

  test('settings are read and changed as what they are', async () => {
    await json(['settings', 'set', 'sessionDays', '7'])
    await json(['settings', 'set', 'defaultRetentionDays', 'none'])
    expect(await json(['settings', 'get', 'sessionDays'])).toEqual([7])
    expect(await holdfast(['settings', 'set', 'sessionDays', 'many'])).toMatchObject({ code: 2 })
    expect(await holdfast(['settings', 'get', 'nothing'])).toMatchObject({ code: 2 })
  })

  test('the audit log is searched, exported and verified', async () => {
    const added = await json(['audit', 'search', '--action', 'person.', '--limit', '5'])
    expect(added.length).toBeGreaterThan(0)
    for (const event of added) expect(event.action).toMatch(/^person\./)
    const file = join(home, 'audit.jsonl')
    expect(await holdfast(['audit', 'export', '--out', file])).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8').trim().split('\n').length).toBeGreaterThan(added.length)
    expect(await json(['audit', 'verify'])).toMatchObject([{ ok: true, faults: [] }])
    expect(await holdfast(['audit', 'verify', '--data', node.dataDir])).toMatchObject({ code: 1 })
  })

  test('status and doctor see the node', async () => {
    expect(await json(['status'])).toMatchObject([{ facility: expect.any(String), mode: 'single' }])
    const findings = await json(['doctor', '--data', node.dataDir, '--port', String(node.port)])
    expect(findings.filter((finding) => finding.level === 'wrong')).toEqual([])
    expect(findings.map((finding) => finding.check)).toEqual(
      expect.arrayContaining(['clock', 'lock', 'disk', 'cluster.db']),
    )
    const missing = await holdfast(['doctor', '--data', join(home, 'nothing'), '--json'])
    expect(missing.code).toBe(1)
  })
})

describe('the frame', () => {
  test('a wrong command line is exit code 2 and tells why on standard error', async () => {
    for (const args of [
      [],
      ['bogus'],
      ['send'],
      ['send', 'a'],
      ['send', '--nope', 'a', 'b'],
      ['tail', 'ops', '--since', '-1'],
      ['channel'],
      ['channel', 'create', 'x', '--kind', 'direct'],
    ]) {
      const result = await holdfast(args)
      expect({ args, ...result }).toMatchObject({ code: 2, out: '' })
      expect(result.err).not.toBe('')
    }
  })

  test('regression: what nobody can look for, send or be called is said without the words of schemas', async () => {
    for (const [args, reason] of [
      [['search', ''], 'must not be empty'],
      [['send', 'ops', 'text', '--id', 'a b'], 'visible ASCII characters'],
      [['send', 'ops', ''], 'it is empty'],
      [['person', 'add', 'a b'], 'use letters, digits'],
      [
        ['person', 'add', 'fine', '--display-name', 'x'.repeat(200)],
        'displayName: must have at most 120 characters',
      ],
      [['channel', 'create', '', '--kind', 'group'], 'must not be empty'],
    ] as const) {
      const result = await holdfast([...args])
      expect({ args, ...result }).toMatchObject({ code: 2, out: '', err: expect.stringContaining(reason) })
      expect(result.err.trimEnd()).not.toMatch(/\n|Too small|Invalid/)
    }
  })

  test('help and version are done, on standard output', async () => {
    expect(await holdfast(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n', err: '' })
    for (const args of [['--help'], ['help'], ['help', 'send'], ['channel', 'create', '--help']])
      expect(await holdfast(args)).toMatchObject({
        code: 0,
        out: expect.stringContaining('Usage: holdfast'),
        err: '',
      })
  })

  test('a start that cannot be is one line: folder in use, port taken, wrong setting', async () => {
    const free = join(home, 'free')
    for (const { args, code } of [
      { args: ['--data', node.dataDir, '--port', '0'], code: 1 },
      { args: ['--data', free, '--port', String(node.port)], code: 1 },
      // A setting that cannot be is a mistake of usage.
      { args: ['--data', free, '--port', '70000'], code: 2 },
      { args: [], code: 2 },
    ]) {
      const result = await holdfast(['serve', ...args])
      expect({ args, ...result }).toMatchObject({
        code,
        err: expect.stringMatching(/^holdfast: [^\n]+\n$/),
      })
    }
  })

  test('a folder without a node is not verified, and nothing is left in it', async () => {
    const folder = join(home, 'no-node')
    mkdirSync(folder)
    expect(await holdfast(['audit', 'verify', '--data', folder])).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^[^\n]*There is no node in [^\n]*\(no cluster\.db\)[^\n]*\n$/),
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test('a stack is shown only when asked for', async () => {
    const plain = await holdfast(['serve'])
    const debug = await holdfast(['serve'], { env: { HOLDFAST_DEBUG: '1' } })
    expect(plain.err).not.toContain('    at ')
    expect(debug.err).toContain('    at ')
  })
})

/** Last: it stops the node. */
describe('a stopped node', () => {
  test('stops on SIGTERM with exit code 0, and its audit log is verified on the spot', async () => {
    await node.stop()
    expect(await json(['audit', 'verify', '--data', node.dataDir])).toMatchObject([{ ok: true }])
    const result = await holdfast(['status'])
    expect(result).toMatchObject({ code: 1, err: expect.stringMatching(/cannot be reached/) })
    expect(await holdfast(['send', 'ops', 'x'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot be reached/),
    })
  })
})
