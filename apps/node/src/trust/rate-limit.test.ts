import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey, RateLimiter } from './rate-limit.ts'
import { TestClock } from './test-clock.ts'

const limit = { burst: 3, perSecond: 0.5, maxKeys: 3 }

describe('RateLimiter', () => {
  it('lets a burst through, then one per refill, for each key by itself', () => {
    const clock = new TestClock()
    const limiter = new RateLimiter(limit, clock)
    expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([true, true, true, false])
    expect(limiter.waitMs('a')).toBe(2000)
    expect(limiter.take('b')).toBe(true)
    clock.advance(1999)
    expect(limiter.take('a')).toBe(false)
    clock.advance(1)
    expect([limiter.waitMs('a'), limiter.take('a'), limiter.take('a')]).toEqual([0, true, false])
    clock.advance(3600_000)
    expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([true, true, true, false])
  })

  it('spends nothing when it refuses, and knows what never fits', () => {
    const clock = new TestClock()
    const limiter = new RateLimiter(limit, clock)
    expect(limiter.take('a', 4)).toBe(false)
    expect(limiter.waitMs('a', 4)).toBe(Number.POSITIVE_INFINITY)
    expect(limiter.take('a', 3)).toBe(true)
    expect(limiter.waitMs('a', 3)).toBe(6000)
    limiter.forgive('a')
    expect(limiter.waitMs('a', 3)).toBe(0)
  })

  it('forgets the key that was quiet longest', () => {
    const limiter = new RateLimiter(limit, new TestClock())
    for (const key of ['a', 'b', 'c', 'a']) limiter.take(key, 1)
    limiter.take('d')
    expect(limiter.size).toBe(3)
    expect([limiter.waitMs('a', 3), limiter.waitMs('b', 3)]).toEqual([4000, 0])
  })

  it('never gives one key more than the burst and what time brings, whatever the order of events', () => {
    const event = fc.record({
      key: fc.constantFrom('a', 'b'),
      cost: fc.integer({ min: 1, max: 4 }),
      ms: fc.nat(5000),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const clock = new TestClock()
        const limiter = new RateLimiter(limit, clock)
        const startMs = clock.monotonic()
        const spent = new Map<string, number>()
        for (const { key, cost, ms } of events) {
          clock.advance(ms)
          const fits = limiter.waitMs(key, cost) === 0
          expect(limiter.take(key, cost)).toBe(fits)
          if (fits) spent.set(key, (spent.get(key) ?? 0) + cost)
          const earned = limit.burst + ((clock.monotonic() - startMs) / 1000) * limit.perSecond
          expect(spent.get(key) ?? 0).toBeLessThanOrEqual(earned + 1e-6)
        }
      }),
    )
  })
})

describe('addressKey', () => {
  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
    ['::FFFF:10.0.0.5', '10.0.0.5'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['unix', 'unix'],
  ])('%s is limited as %s', (remote, key) => {
    expect(addressKey(remote)).toBe(key)
  })

  it('is the same for all addresses of a /64 and for no other', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (a, b) => {
        fc.pre(!a.includes('.') && !b.includes('.'))
        const network = (address: string) => new URL(`http://[${address}]`).hostname
        const expand = (address: string) => {
          const [head = '', tail] = network(address).slice(1, -1).split('::')
          const left = head.split(':').filter(Boolean)
          const right = (tail ?? '').split(':').filter(Boolean)
          return [...left, ...Array(8 - left.length - right.length).fill('0'), ...right].slice(0, 4).join(':')
        }
        expect(addressKey(a) === addressKey(b)).toBe(expand(a) === expand(b))
        expect(addressKey(a)).toBe(`${expand(a)}::/64`)
      }),
    )
  })
})
