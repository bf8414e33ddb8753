import { HoldfastError } from '@holdfast/api/contract/errors'
import { hash as argon2 } from '@node-rs/argon2'
import { expect, test } from 'vitest'
import type { Log } from '../../log/log.ts'
import { Proposer } from '../../log/proposer.ts'
import { createLogger } from '../../platform/logger.ts'
import { idOf, TestMachine } from '../../state/machine-fixture.ts'
import { DpopVerifier } from '../../trust/dpop.ts'
import { Passwords } from '../../trust/passwords.ts'
import { TestClock } from '../../trust/test-clock.ts'
import { AuthService } from './auth.ts'

const password = 'correct-horse-battery'
const origin = { remote: '127.0.0.1', userAgent: '' }
const failures = "SELECT count(*) FROM audit_event WHERE action = 'auth.login-failed'"

/** Signing in at a node that is behind the others by what `behind` does. */
async function nodeBehind(behind: (machine: TestMachine, passwordHash: string) => void) {
  const machine = new TestMachine().setUp()
  const clock = new TestClock()
  const passwords = new Passwords()
  const passwordHash = await passwords.hash(password)
  const refusals = new Map<string, HoldfastError>()
  const asked = { hashes: 0 }
  const log: Pick<Log, 'propose' | 'admit'> = {
    admit: () => {
      const refusal = refusals.get('everything')
      if (refusal) throw refusal
    },
    propose: (command, settle) => {
      const refusal = refusals.get(JSON.parse(command)[1])
      if (refusal) return settle(refusal, null, 0)
      const { outcomes, at } = machine.apply([JSON.parse(command)])
      const [outcome] = outcomes
      settle(null, typeof outcome === 'number' ? null : (outcome ?? null), at)
    },
  }
  const auth = new AuthService({
    directory: machine.machine.directory,
    db: machine.db,
    proposer: new Proposer(log as Log),
    passwords: {
      hash: (secret) => passwords.hash(secret),
      needsRehash: (hash) => passwords.needsRehash(hash),
      verify: (hash, secret) => {
        asked.hashes += 1
        return passwords.verify(hash, secret)
      },
    },
    dpop: new DpopVerifier(clock),
    clock,
    logger: createLogger({ level: 'silent' }),
    newest: async () => behind(machine, passwordHash),
  })
  const login = (name: string, secret = password) =>
    auth.login({ name, password: secret, cookie: false }, origin)
  const failed = () => machine.db.prepare(failures).pluck().get()
  return { machine, login, failed, refusals, asked, [Symbol.dispose]: () => machine[Symbol.dispose]() }
}

const add = (machine: TestMachine, passwordHash: string) =>
  machine.control('person.add', {
    id: idOf('p', 9),
    name: 'nora',
    displayName: 'Nora',
    role: 'member',
    kind: 'person',
    passwordHash,
    mustChange: false,
  })

test('regression: a person whom another node has just added signs in at a node that is behind', async () => {
  using node = await nodeBehind(add)
  expect(await node.login('nora')).toMatchObject({ person: { name: 'nora' } })
  expect(node.failed()).toBe(0)
})

test('a wrong password, and a name that nobody has, are refused and counted', async () => {
  using node = await nodeBehind(add)
  await expect(node.login('nora', 'wrong')).rejects.toMatchObject({ code: 'wrong-credentials' })
  await expect(node.login('nobody')).rejects.toMatchObject({ code: 'wrong-credentials' })
  expect(node.failed()).toBe(2)
})

const noQuorum = new HoldfastError('no-quorum', 'no majority', { retryAfterMs: 1000 })

test('regression: tries without a majority cost no hash, and none of what one address may get wrong', async () => {
  using node = await nodeBehind(add)
  node.refusals.set('everything', noQuorum)
  // A client that asks again every 250 ms, of somebody who mistyped his password.
  for (let i = 0; i < 100; i += 1)
    await expect(node.login('nora', 'wrong')).rejects.toMatchObject({ code: 'no-quorum' })
  expect(node.asked.hashes).toBe(0)
  node.refusals.clear()
  expect(await node.login('nora')).toMatchObject({ person: { name: 'nora' } })
})

test('regression: who is signed in stays so when his password cannot be hashed anew', async () => {
  const old = await argon2(password.normalize('NFKC'), { memoryCost: 8 * 1024, timeCost: 1, parallelism: 1 })
  using node = await nodeBehind((machine) => add(machine, old))
  const hash = () =>
    node.machine.db.prepare("SELECT passwordHash FROM person WHERE name = 'nora'").pluck().get()
  node.refusals.set('person.setPassword', noQuorum)
  expect(await node.login('nora')).toMatchObject({ person: { name: 'nora' } })
  expect(hash()).toBe(old)
  node.refusals.clear()
  expect(await node.login('nora')).toMatchObject({ person: { name: 'nora' } })
  expect(hash()).not.toBe(old)
})
