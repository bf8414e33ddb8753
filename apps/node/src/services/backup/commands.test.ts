import { expect, test } from 'vitest'
import { idOf, TestMachine } from '../../state/machine-fixture.ts'
import { backupSettingKeys, keptProofs, type Proofs } from './commands.ts'

const made = {
  node: idOf('n', 1),
  nodeName: 'node1',
  file: 'a.hfbackup',
  bytes: 1,
  index: 2,
  sha256: 'a'.repeat(64),
  caughtUp: true,
  scheduled: false,
}

test('two people cannot overwrite each other’s settings unseen', () => {
  using machine = new TestMachine().setUp()
  const set = (version: number, keep: number) =>
    machine.control('backup.configure', { version, change: { keep } })
  expect(set(0, 3)).toEqual({ value: null })
  expect(set(0, 4)).toMatchObject({ refused: ['conflict', expect.any(String)] })
  expect(set(1, 5)).toEqual({ value: null })
  expect(machine.machine.directory.setting(backupSettingKeys.settings, {})).toEqual({ keep: 5 })
})

test('proofs are bounded, and the newest stay', () => {
  using machine = new TestMachine().setUp()
  for (let n = 0; n <= keptProofs + 5; n += 1)
    machine.control('backup.proven', {
      file: `${n}`,
      sha256: String(n).padStart(64, '0'),
      index: n,
      auditSeq: n,
    })
  const proofs = machine.machine.directory.setting<Proofs>(backupSettingKeys.proofs, {})
  expect(Object.keys(proofs)).toHaveLength(keptProofs)
  expect(proofs[String(keptProofs + 5).padStart(64, '0')]).toBeDefined()
})

test('a restored state has one node, no sessions and no open invitation; devices stay', () => {
  using machine = new TestMachine().setUp()
  const { directory } = machine.machine
  machine.control('invitation.create', { id: idOf('i', 1), hash: 'h', expiresAt: 1e15 })
  machine.control('backup.made', { ...made, node: [...directory.nodes.keys()][0] ?? '' })
  const devices = directory.devices.size
  const payload = {
    node: { id: idOf('n', 9), name: 'new', fingerprint: 'f', certificate: 'c' },
    createdAt: 1,
    madeBy: 'node1',
    index: 3,
    auditSeq: 4,
    sha256: 'b'.repeat(64),
  }
  expect(machine.control('backup.restored', payload)).toEqual({ value: null })
  expect([...directory.nodes.values()].map((node) => node.name)).toEqual(['new'])
  expect(directory.sessions.size).toBe(0)
  expect(directory.devices.size).toBe(devices)
  expect(machine.db.prepare('SELECT count(*) FROM invitation').pluck().get()).toBe(0)
  expect(directory.setting(backupSettingKeys.made, null)).toEqual({})
  expect(machine.control('backup.restored', payload)).toMatchObject({
    refused: ['conflict', expect.any(String)],
  })
})
