import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import type { Caller, DeviceDetail, DeviceView, Page } from '@holdfast/api/services'
import type { Proposer } from '../../log/proposer.ts'
import type { Clock } from '../../platform/clock.ts'
import { newId, randomToken } from '../../platform/random.ts'
import type { Directory } from '../../state/directory.ts'
import { issueDeviceCertificate, type KeyedCertificate } from '../../trust/ca.ts'
import type { DpopVerifier, PublicJwk } from '../../trust/dpop.ts'
import { callerActor } from '../auth/auth.ts'
import { facilitySettings } from '../settings/policy.ts'
import type { IssuedCertificate } from './commands.ts'
import type { DeviceQueries } from './queries.ts'

/** Time for a device to answer the challenge. */
const challengeMs = 120_000
/** Challenges open at once; the oldest give way. */
const maxChallenges = 10_000

export interface DevicesOptions {
  directory: Directory
  proposer: Proposer
  queries: DeviceQueries
  dpop: DpopVerifier
  authority: () => KeyedCertificate
  clock: Clock
}

/** Enrolment: 1 challenge · 2 proof of the device's own key over it · 3 approval by policy or person · 4 certificate. */
export class DevicesService {
  private readonly o: DevicesOptions
  private readonly challenges = new Map<string, { nonce: string; expiresAt: number }>()

  constructor(options: DevicesOptions) {
    this.o = options
  }

  async challenge(caller: Caller): Promise<{ nonce: string; expiresAt: number }> {
    const challenge = { nonce: randomToken(24), expiresAt: this.o.clock.now() + challengeMs }
    this.challenges.delete(caller.sessionId)
    this.challenges.set(caller.sessionId, challenge)
    const [oldest] = this.challenges.keys()
    if (this.challenges.size > maxChallenges && oldest !== undefined) this.challenges.delete(oldest)
    return challenge
  }

  /** @throws HoldfastError `proof-invalid`, `conflict` when the key is enrolled, `too-many` */
  async enrol(value: input.DeviceEnrol, caller: Caller): Promise<DeviceDetail> {
    const { directory, dpop, clock, proposer } = this.o
    const challenge = this.challenges.get(caller.sessionId)
    this.challenges.delete(caller.sessionId)
    if (challenge === undefined || challenge.expiresAt < clock.now())
      throw new HoldfastError('proof-invalid', 'The challenge is missing or too old; ask for a new one.')
    const { thumbprint, publicJwk } = await dpop.verify(value.proof, {
      method: 'POST',
      path: '/trpc/devices.enrol',
      nonce: challenge.nonce,
    })
    const id = newId('d')
    const auto = facilitySettings(directory).deviceApproval === 'auto'
    const certificate = auto ? await this.issue(id, caller.name, value.name, publicJwk) : null
    await proposer.propose('device.enrol', callerActor(caller), {
      id,
      personId: caller.personId,
      name: value.name,
      platform: value.platform,
      thumbprint,
      publicKey: JSON.stringify(publicJwk),
      certificate,
    })
    return this.detail(id)
  }

  async mine(caller: Caller): Promise<DeviceDetail[]> {
    return this.o.queries.ofPerson(caller.personId)
  }

  async list(query: input.DevicesQuery, _caller: Caller): Promise<Page<DeviceView>> {
    return this.o.queries.list(query)
  }

  async get({ id }: { id: string }, _caller: Caller): Promise<DeviceDetail> {
    return this.detail(id)
  }

  async approve({ id }: { id: string }, caller: Caller): Promise<DeviceView> {
    const device = await this.o.queries.get(id)
    if (device === null) throw new HoldfastError('not-found', 'There is no such device.')
    const certificate = await this.issue(
      id,
      device.personName,
      device.name,
      JSON.parse(device.publicKey) as PublicJwk,
    )
    await this.o.proposer.propose('device.approve', callerActor(caller), { id, certificate })
    return this.detail(id)
  }

  async revoke(
    { id, reason }: { id: string; reason?: string | undefined },
    caller: Caller,
  ): Promise<DeviceView> {
    await this.o.proposer.propose('device.revoke', callerActor(caller), { id, reason: reason ?? '' })
    return this.detail(id)
  }

  async update({ id, name, site, tags }: input.DeviceUpdate, caller: Caller): Promise<DeviceView> {
    await this.o.proposer.propose('device.update', callerActor(caller), {
      id,
      ...(name !== undefined && { name }),
      ...(site !== undefined && { site }),
      ...(tags && { tags }),
    })
    return this.detail(id)
  }

  private async detail(id: string): Promise<DeviceDetail> {
    const device = await this.o.queries.get(id)
    if (device === null) throw new HoldfastError('not-found', 'There is no such device.')
    const { publicKey: _, ...detail } = device
    return detail
  }

  private async issue(
    deviceId: string,
    personName: string,
    deviceName: string,
    publicKey: PublicJwk,
  ): Promise<IssuedCertificate> {
    const { certificate, serial, expiresAt } = await issueDeviceCertificate(this.o.authority(), {
      deviceId,
      personName,
      deviceName,
      publicKey,
      nowMs: this.o.clock.now(),
    })
    return { pem: certificate, serial, expiresAt }
  }
}
