import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { EtcdStatus } from './etcd-client.ts'
import { calmProbeMs, EtcdProbe } from './etcd-probe.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function probed() {
  const told: string[] = []
  const etcd = { leader: 'a' as string | null, term: 3, answers: true, looks: 0, calm: true }
  const status = async (): Promise<EtcdStatus> => {
    etcd.looks += 1
    if (!etcd.answers) throw new Error('no answer')
    return { leader: etcd.leader, term: etcd.term, memberId: 'a' } as EtcdStatus
  }
  const probe = new EtcdProbe({
    client: { status },
    isCalm: () => etcd.calm,
    onLook: () => void told.push('look'),
    onNewLeader: () => void told.push(`leader of ${etcd.term}`),
  })
  probe.start()
  return { etcd, probe, leaders: () => told.filter((word) => word !== 'look') }
}

test('another leader is told once, also the same node in another term; the first one and its loss are not', async () => {
  const { etcd, probe, leaders } = probed()
  const pass = () => vi.advanceTimersByTimeAsync(calmProbeMs)
  await pass()
  expect([leaders(), probe.leads]).toEqual([[], true])
  Object.assign(etcd, { leader: null, term: 4 })
  await pass()
  expect([leaders(), probe.leads]).toEqual([[], false])
  Object.assign(etcd, { answers: false })
  await pass()
  expect(probe.latest).toBeNull()
  Object.assign(etcd, { answers: true, leader: 'a', term: 5 })
  await pass()
  await pass()
  expect(leaders()).toEqual(['leader of 5'])
  Object.assign(etcd, { leader: 'b', term: 6 })
  await pass()
  expect(leaders()).toEqual(['leader of 5', 'leader of 6'])
  probe.stop()
})

test('it looks more often while something is amiss, and no more once it is stopped', async () => {
  const { etcd, probe } = probed()
  await vi.advanceTimersByTimeAsync(calmProbeMs * 4)
  const calm = etcd.looks
  etcd.calm = false
  await vi.advanceTimersByTimeAsync(calmProbeMs * 4)
  expect(etcd.looks - calm).toBeGreaterThan(calm * 3)
  probe.stop()
  const before = etcd.looks
  await vi.advanceTimersByTimeAsync(calmProbeMs * 4)
  expect(etcd.looks).toBe(before)
})
