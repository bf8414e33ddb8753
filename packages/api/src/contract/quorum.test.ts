import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MemberState } from '../cluster-services.ts'
import { isVoter, quorumOf, removalOf, spareVoters } from './quorum.ts'

test('two quorums always share a voter, and a quorum is left when as many fail as may', () => {
  for (let voters = 1; voters <= 9; voters += 1) {
    expect(2 * quorumOf(voters)).toBeGreaterThan(voters)
    expect(voters - spareVoters(voters)).toBe(quorumOf(voters))
  }
  expect([1, 2, 3, 4, 5].map(spareVoters)).toEqual([0, 0, 1, 1, 2])
})

const states: MemberState[] = ['online', 'joining', 'restoring', 'diverged', 'unreachable']

test('a removal is called by what is left to write with', () => {
  const view = fc
    .integer({ min: 1, max: 7 })
    .chain((voters) =>
      fc.record({ voters: fc.constant(voters), reachableVoters: fc.integer({ min: 1, max: voters }) }),
    )
  fc.assert(
    fc.property(view, fc.constantFrom(...states), (size, state) => {
      const { before, after, risk } = removalOf(size, { state })
      expect(before.voters - after.voters).toBe(isVoter({ state }) ? 1 : 0)
      expect(after.reachable).toBeLessThanOrEqual(before.reachable)
      expect(risk === 'stops').toBe(after.reachable < quorumOf(after.voters))
      if (risk === 'fine' && after.voters > 1)
        expect(after.reachable - 1).toBeGreaterThanOrEqual(after.quorum)
    }),
  )
})

test('the cases that operators meet', () => {
  const risk = (voters: number, reachableVoters: number, state: MemberState) =>
    removalOf({ voters, reachableVoters }, { state }).risk
  // A dead node of three: what is left works, and each of the two is needed.
  expect(risk(3, 2, 'unreachable')).toBe('fragile')
  expect(risk(5, 5, 'online')).toBe('fine')
  // A living node beside a dead one: the other dead one stays in the count.
  expect(risk(3, 2, 'online')).toBe('stops')
  expect(risk(3, 3, 'joining')).toBe('fine')
})
