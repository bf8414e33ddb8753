import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fingerprint } from '../trust/certificates.ts'
import { createTrust } from '../trust/files.ts'
import { requestAdmission } from './admission.ts'
import { encodeJoinCode } from './join-code.ts'

const candidate = {
  nodeId: 'n_2',
  nodeName: 'node2',
  version: '0.1.0',
  address: '127.0.0.1',
  httpsPort: 7443,
  peerPort: 7444,
  raftPort: 7446,
}

/** A node of a facility of its own, that takes nobody in. */
async function startFacility() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-admission-'))
  const { authority, node } = await createTrust(folder, {
    facility: 'Testbed',
    nodeName: 'node1',
    hostnames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    nowMs: Date.now(),
  })
  const asked: string[] = []
  const server = createServer({ key: node.key, cert: node.certificate }, (request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    asked.push(path)
    if (path === '/ca.pem') response.end(authority.certificate)
    else response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    asked,
    caFingerprint: fingerprint(authority.certificate).hex,
    member: { address: '127.0.0.1', httpsPort: (server.address() as AddressInfo).port },
    [Symbol.dispose]: () => {
      server.close()
      server.closeAllConnections()
      rmSync(folder, { recursive: true })
    },
  }
}

test('a node of another facility at the address of a member is passed over, and told nothing', async () => {
  using stranger = await startFacility()
  using own = await startFacility()
  const { caFingerprint } = own
  const code = (members: (typeof own.member)[]) =>
    encodeJoinCode({ members, caFingerprint, secret: 's'.repeat(32) })
  await expect(requestAdmission(code([stranger.member, own.member]), candidate)).rejects.toThrow()
  expect(stranger.asked).toEqual(['/ca.pem'])
  expect(own.asked).toContainEqual(expect.stringContaining('cluster.admit'))
  await expect(requestAdmission(code([stranger.member]), candidate)).rejects.toThrow(
    'is not of the facility that made the code',
  )
  expect(stranger.asked).toEqual(['/ca.pem', '/ca.pem'])
})
