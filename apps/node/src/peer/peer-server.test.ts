import { connect } from 'node:tls'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { describe, expect, it } from 'vitest'
import { createAuthority, createKeyPair, issueDeviceCertificate } from '../trust/ca.ts'
import { peerBounds } from './bounds.ts'
import { ForeignGenerationError, PeerError } from './errors.ts'
import {
  generation,
  interconnect,
  makeInterconnect,
  materialOf,
  nodeIdOf,
  TestPeer,
  type TestPeerOptions,
  until,
} from './peer-fixture.ts'
import { peerContext } from './peer-tls.ts'

/** A server that knows its caller as a member. */
async function pair(server: TestPeerOptions['server'] = {}) {
  const asked = await TestPeer.start(1, { server })
  const asking = await TestPeer.start(2)
  asked.knows(asking)
  const client = asking.clientOf(asked)
  return {
    asked,
    asking,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await asking[Symbol.asyncDispose]()
      await asked[Symbol.asyncDispose]()
    },
  }
}

const fault = async (asking: Promise<unknown>): Promise<unknown> => {
  const error = await asking.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof PeerError)) return error
  expect(error.message).not.toContain('\n')
  return error.fault
}

describe('what members ask of each other', () => {
  it('is answered, again on the same connection, with the state and with what an operation returns', async () => {
    const heard: unknown[] = []
    await using peers = await pair({
      status: () => ({ index: 7 }),
      calls: {
        'member.remove': async (payload, from) => {
          heard.push(payload, from)
          return { done: true }
        },
        nothing: async () => undefined,
      },
    })
    const { client, asking } = peers
    expect(await client.status()).toEqual({ index: 7 })
    expect(await client.call('member.remove', { nodeId: 'ü' })).toEqual({ done: true })
    expect(await client.call('nothing', null)).toBeNull()
    expect(heard).toEqual([{ nodeId: 'ü' }, { nodeId: asking.nodeId, name: asking.nodeId }])
  })

  it('is refused with the code and message that the operation gives', async () => {
    await using peers = await pair({
      calls: {
        remove: async () => {
          throw new HoldfastError('conflict', 'The leader cannot be removed.', { retryAfterMs: 70 })
        },
        forbid: async () => {
          throw new HoldfastError('forbidden', 'Not so.')
        },
        fail: async () => {
          throw new Error('secret detail')
        },
      },
    })
    const { client } = peers
    await expect(client.call('remove', 1)).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'conflict',
      message: 'The leader cannot be removed.',
      retryAfterMs: 70,
    })
    await expect(client.call('forbid', 1)).rejects.toMatchObject({ name: 'HoldfastError', code: 'forbidden' })
    await expect(client.call('toString', 1)).rejects.toMatchObject({ code: 'not-found' })
    const failed = client.call('fail', 1)
    await expect(failed).rejects.toMatchObject({ code: 'internal' })
    await expect(failed).rejects.not.toThrow(/secret/)
  })

  it('ends in time when the other one does not answer', async () => {
    await using peers = await pair({ calls: { hang: () => new Promise(() => {}) } })
    expect(await fault(peers.client.call('hang', 1, { timeoutMs: 100 }))).toBe('timeout')
  })

  it('is bounded in size and in number', async () => {
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    await using peers = await pair({
      calls: { hold: () => held, large: async () => 'x'.repeat(peerBounds.bodyBytes) },
    })
    const { asked, asking, client } = peers
    await expect(client.call('hold', 'x'.repeat(peerBounds.bodyBytes))).rejects.toMatchObject({
      code: 'too-large',
    })
    await expect(client.call('large', 1)).rejects.toMatchObject({ code: 'too-large' })
    expect(await rawPost(asked, asking, peerBounds.bodyBytes + 1)).toMatch(/^HTTP\/1\.1 413 /)
    // Several clients, for one has fewer sockets than a member may have requests.
    const clients = Array.from({ length: 6 }, () => asking.clientOf(asked))
    const many = clients.flatMap((each) => Array.from({ length: 8 }, () => each.call('hold', 1)))
    const outcomes = Promise.allSettled(many)
    await until('some are refused', () => asked.server.refused.busy === 48 - peerBounds.requestsPerMember)
    end()
    const codes = (await outcomes).map((o) => (o.status === 'rejected' ? o.reason.code : 'done'))
    expect(codes.filter((code) => code === 'done')).toHaveLength(peerBounds.requestsPerMember)
    expect(codes.filter((code) => code === 'busy')).toHaveLength(48 - peerBounds.requestsPerMember)
    for (const each of clients) each[Symbol.dispose]()
  })
})

describe('who may ask', () => {
  it('nobody without a certificate, or with one of another authority', async () => {
    await using peers = await pair()
    const { asked } = peers
    const stranger = await materialOf(nodeIdOf(2), makeInterconnect(), interconnect)
    await using foreign = await TestPeer.start(2, { material: stranger })
    using client = foreign.clientOf(asked)
    expect(await fault(client.status())).toMatch(/^(not-trusted|unreachable)$/)
    await until('it is counted', () => asked.server.refused.handshakes > 0)
    const before = asked.server.refused.handshakes
    const bare = connect({ port: asked.port, host: '127.0.0.1', rejectUnauthorized: false })
    bare.on('error', () => {})
    bare.resume()
    await new Promise((resolve) => bare.once('close', resolve))
    await until('it is counted', () => asked.server.refused.handshakes > before)
  })

  it('no device, whichever authority issued for it', async () => {
    await using peers = await pair()
    const { asked } = peers
    const keys = createKeyPair()
    const publicKey = await jwkOf(keys.publicKey)
    const request = {
      deviceId: 'd_1',
      personName: 'anna',
      deviceName: 'Tablet',
      publicKey,
      nowMs: Date.now(),
    }
    const facility = await createAuthority({ facility: 'Facility', nowMs: Date.now() })
    const ofFacility = await issueDeviceCertificate(facility, request)
    const authority = (await interconnect).certificate
    await using device = await TestPeer.start(2, {
      material: { key: keys.privateKey, certificate: ofFacility.certificate, authority },
    })
    using client = device.clientOf(asked)
    expect(await fault(client.status())).toMatch(/^(not-trusted|unreachable)$/)

    const ofInterconnect = await issueDeviceCertificate(await interconnect, request)
    device.material = { key: keys.privateKey, certificate: ofInterconnect.certificate, authority }
    expect(await fault(device.clientOf(asked).status())).toBe('not-member')
  })

  it('no node that is not a member, or not any more, also in the middle of a request', async () => {
    await using peers = await pair({ calls: { hold: () => new Promise(() => {}) } })
    const { asked, client, asking } = peers
    const held = fault(client.call('hold', 1))
    await client.status()
    asked.members.clear()
    expect(await held).toBe('unreachable')
    expect(await fault(client.status())).toBe('not-member')
    await using other = await TestPeer.start(3)
    using stranger = other.clientOf(asked)
    expect(await fault(stranger.status())).toBe('not-member')
    asked.knows(asking)
    expect(await client.status()).toEqual({ nodeId: asked.nodeId })
  })

  it('no node of another generation, and both sides learn of the other one', async () => {
    await using peers = await pair()
    const { asked, asking, client } = peers
    asking.generation = 'g_2'
    const error = await client.status().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ForeignGenerationError)
    expect(error).toMatchObject({ fault: 'foreign-generation', generation, nodeId: asked.nodeId })
    expect(asking.foreign).toEqual([[generation, asked.nodeId]])
    expect(asked.foreign).toEqual([['g_2', asking.nodeId]])
    // A node that was left behind by a recovery is no member any more; it still learns of the new generation.
    asked.members.clear()
    expect(await fault(client.status())).toBe('foreign-generation')
    expect(asked.foreign).toHaveLength(1)
  })

  it('only the node that was meant answers: an address that now leads to another one is refused', async () => {
    await using peers = await pair()
    const { asked, asking } = peers
    await using third = await TestPeer.start(3)
    third.knows(asking)
    const meant = {
      nodeId: asked.nodeId,
      port: third.port,
      address: { ...asked.address, peerPort: third.port },
    }
    using client = asking.clientOf(meant as TestPeer)
    expect(await fault(client.status())).toBe('wrong-node')
    const imposter = await materialOf(asked.nodeId, makeInterconnect(), interconnect)
    await using fake = await TestPeer.start(1, { material: imposter })
    using misled = asking.clientOf(fake)
    expect(await fault(misled.status())).toBe('not-trusted')
  })

  it('a port on which nobody listens is unreachable', async () => {
    await using peers = await pair()
    const { asked, client } = peers
    await asked[Symbol.asyncDispose]()
    expect(await fault(client.status())).toBe('unreachable')
  })
})

it('takes renewed certificates into use, and refuses bad ones', async () => {
  await using peers = await pair()
  const { asked, client, asking } = peers
  const old = asked.material
  expect(await client.status()).toBeTruthy()
  asked.material = await materialOf(asked.nodeId)
  asked.server.reload()
  using fresh = asking.clientOf(asked)
  expect(await fresh.status()).toBeTruthy()
  asked.material = { ...old, certificate: 'none' }
  expect(() => asked.server.reload()).toThrow()
  using again = asking.clientOf(asked)
  expect(await again.status()).toBeTruthy()
})

async function jwkOf(spkiPem: string) {
  const { createPublicKey } = await import('node:crypto')
  return createPublicKey(spkiPem).export({ format: 'jwk' }) as {
    kty: 'EC'
    crv: 'P-256'
    x: string
    y: string
  }
}

/** The first line and more of the answer to a body that our own client would not send. */
function rawPost(asked: TestPeer, asking: TestPeer, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...peerContext(asking.material),
      port: asked.port,
      host: '127.0.0.1',
      checkServerIdentity: () => undefined,
    })
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(
      `POST /peer/v1/call HTTP/1.1\r\nHost: x\r\nConnection: close\r\nholdfast-generation: ${generation}\r\nContent-Length: ${bytes}\r\n\r\n`,
    )
    socket.write(Buffer.alloc(bytes, 'x'))
  })
}
