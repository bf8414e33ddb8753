import { expect, test } from 'vitest'
import type { Log } from '../../log/log.ts'
import { Proposer } from '../../log/proposer.ts'
import { createLogger } from '../../platform/logger.ts'
import { idOf, TestMachine } from '../../state/machine-fixture.ts'
import { DpopVerifier } from '../../trust/dpop.ts'
import { TestClock } from '../../trust/test-clock.ts'
import { newSessionToken } from '../../trust/tokens.ts'
import { SecurityEvents } from '../audit/security-events.ts'
import { SessionGuard } from './session-guard.ts'

const [anna, device, sessionId] = [idOf('p', 2), idOf('d', 1), idOf('s', 7)]
const certificate = { pem: 'pem', serial: '01', expiresAt: 1e15 }

/** A verifier for which every proof is good, and during whose work something else happens. */
class SlowVerifier extends DpopVerifier {
  meanwhile: () => void = () => {}
  override async verify(): ReturnType<DpopVerifier['verify']> {
    await Promise.resolve()
    this.meanwhile()
    return { thumbprint: 't9', publicJwk: { kty: 'EC', crv: 'P-256', x: '', y: '' } }
  }
}

/** A log without a thread: what is proposed is applied at once. */
function directLog(machine: TestMachine): Log {
  return {
    index: 0,
    chain: '',
    propose: (command, settle) => {
      const { at } = machine.apply([JSON.parse(command)])
      settle(null, null, at)
    },
    onCommit: () => {},
    holdCheckpoints: () => {},
    admit: () => {},
    readIndex: async () => {},
    start: async () => {},
    stop: async () => {},
  }
}

test.each([
  ['the session ended', 'session.end', { id: sessionId, reason: '' }],
  ['the device was revoked', 'device.revoke', { id: device, reason: '' }],
  ['the person was suspended', 'person.suspend', { id: anna }],
])('regression: nobody gets in when %s while his proof was verified', async (_, command, payload) => {
  using machine = new TestMachine().setUp().populate()
  const { token, hash } = newSessionToken()
  machine.control('device.approve', { id: device, certificate })
  const session = {
    id: sessionId,
    personId: anna,
    tokenHash: hash,
    deviceId: device,
    userAgent: '',
    remote: '',
    expiresAt: 1e15,
  }
  machine.control('session.create', session)
  const clock = new TestClock()
  const logger = createLogger({ level: 'silent' })
  const dpop = new SlowVerifier(clock)
  const security = new SecurityEvents({ proposer: new Proposer(directLog(machine)), logger, clock })
  const guard = new SessionGuard({ directory: machine.machine.directory, dpop, security, clock })
  const enter = () => guard.authenticateSocket({ token, proof: 'proof', nonce: 'nonce', remote: '127.0.0.1' })
  expect(await enter()).toMatchObject({ personId: anna, deviceId: device })
  dpop.meanwhile = () => machine.control(command, payload)
  await expect(enter()).rejects.toMatchObject({ code: expect.stringMatching(/session-ended|device-revoked/) })
})
