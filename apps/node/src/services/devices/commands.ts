/** The device registry as the state machine changes it. */
import { mayRevokeDeviceOf } from '@holdfast/api/contract/policy'
import { type Applying, type Handler, refuse } from '../../state/applying.ts'
import type { DeviceRecord } from '../../state/directory.ts'
import { personOf } from '../identity/commands.ts'

/** Devices that one person may have enrolled and not revoked. */
const maxDevicesPerPerson = 50

export interface IssuedCertificate {
  pem: string
  serial: string
  expiresAt: number
}

const deviceOf = (applying: Applying, id: string): DeviceRecord =>
  applying.directory.devices.get(id) ?? refuse('not-found', 'There is no such device.')

interface EnrolPayload {
  id: string
  personId: string
  name: string
  platform: string
  thumbprint: string
  publicKey: string
  /** Present when policy approves devices by itself. */
  certificate: IssuedCertificate | null
}

const enrol: Handler<EnrolPayload> = (applying, p, actor) => {
  const person = personOf(applying, p.personId)
  if (applying.directory.devicesByThumbprint.has(p.thumbprint))
    refuse('conflict', 'A device with this key is enrolled already.')
  const mine = [...applying.directory.devices.values()].filter(
    (d) => d.personId === p.personId && d.status !== 'revoked',
  )
  if (mine.length >= maxDevicesPerPerson)
    refuse('too-many', `${person.name} has ${maxDevicesPerPerson} devices; revoke one first.`)
  const decided = p.certificate !== null
  applying.run(
    'INSERT INTO device (id, personId, name, platform, thumbprint, publicKey, status, certificate, serial, expiresAt, enrolledAt, decidedAt, decidedBy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    p.id,
    p.personId,
    p.name,
    p.platform,
    p.thumbprint,
    p.publicKey,
    decided ? 'approved' : 'pending',
    p.certificate?.pem ?? null,
    p.certificate?.serial ?? null,
    p.certificate?.expiresAt ?? null,
    applying.at,
    decided ? applying.at : null,
    decided ? 'policy' : null,
  )
  applying.changed('device', p.id)
  applying.audit(actor, {
    action: 'device.enrolled',
    target: p.id,
    detail: {
      name: p.name,
      platform: p.platform,
      person: person.name,
      thumbprint: p.thumbprint,
      status: decided ? 'approved' : 'pending',
    },
  })
}

const approve: Handler<{ id: string; certificate: IssuedCertificate }> = (applying, p, actor) => {
  const device = deviceOf(applying, p.id)
  if (device.status !== 'pending')
    refuse('conflict', `The device ${device.name} is ${device.status}; only a pending one can be approved.`)
  applying.run(
    "UPDATE device SET status = 'approved', certificate = ?, serial = ?, expiresAt = ?, decidedAt = ?, decidedBy = ? WHERE id = ?",
    p.certificate.pem,
    p.certificate.serial,
    p.certificate.expiresAt,
    applying.at,
    actor.name,
    p.id,
  )
  applying.changed('device', p.id)
  applying.audit(actor, {
    action: 'device.approved',
    target: p.id,
    detail: { name: device.name, person: device.personId, serial: p.certificate.serial },
  })
}

const revoke: Handler<{ id: string; reason: string }> = (applying, p, actor) => {
  const device = deviceOf(applying, p.id)
  const by = applying.directory.people.get(actor.id)
  const holder = applying.directory.people.get(device.personId)
  if (by && holder && by.id !== holder.id && !mayRevokeDeviceOf(by.role, holder.role))
    refuse('forbidden', `You may not revoke a device of ${holder.name}, whose role is ${holder.role}.`)
  if (device.status === 'revoked') refuse('conflict', `The device ${device.name} is revoked already.`)
  applying.run(
    "UPDATE device SET status = 'revoked', decidedAt = ?, decidedBy = ? WHERE id = ?",
    applying.at,
    actor.name,
    p.id,
  )
  for (const session of [...applying.directory.sessions.values()]) {
    if (session.deviceId !== p.id) continue
    applying.run('DELETE FROM session WHERE id = ?', session.id)
    applying.changed('session', session.id)
  }
  applying.changed('device', p.id)
  applying.audit(actor, {
    action: 'device.revoked',
    target: p.id,
    detail: { name: device.name, person: device.personId, reason: p.reason },
  })
}

const update: Handler<{ id: string; name?: string; site?: string; tags?: string[] }> = (
  applying,
  p,
  actor,
) => {
  const device = deviceOf(applying, p.id)
  applying.run(
    'UPDATE device SET name = coalesce(?, name), site = coalesce(?, site), tags = coalesce(?, tags) WHERE id = ?',
    p.name ?? null,
    p.site ?? null,
    p.tags ? JSON.stringify(p.tags) : null,
    p.id,
  )
  applying.changed('device', p.id)
  applying.audit(actor, {
    action: 'device.updated',
    target: p.id,
    detail: { name: device.name, after: { name: p.name, site: p.site, tags: p.tags } },
  })
}

export const deviceHandlers = {
  'device.enrol': enrol,
  'device.approve': approve,
  'device.revoke': revoke,
  'device.update': update,
}
