import { expect, test } from 'vitest'
import type { Log } from '../../log/log.ts'
import { Proposer } from '../../log/proposer.ts'
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
  const log: Pick<Log, 'propose'> = {
    propose: (command, settle) => {
      const { outcomes, at } = machine.apply([JSON.parse(command)])
      const [outcome] = outcomes
      settle(null, typeof outcome === 'number' ? null : (outcome ?? null), at)
    },
  }
  const auth = new AuthService({
    directory: machine.machine.directory,
    db: machine.db,
    proposer: new Proposer(log as Log),
    passwords,
    dpop: new DpopVerifier(clock),
    clock,
    newest: async () => behind(machine, passwordHash),
  })
  const login = (name: string, secret = password) =>
    auth.login({ name, password: secret, cookie: false }, origin)
  const failed = () => machine.db.prepare(failures).pluck().get()
  return { machine, login, failed, [Symbol.dispose]: () => machine[Symbol.dispose]() }
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
