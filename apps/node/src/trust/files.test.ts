import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { validity } from './certificates.ts'
import { TrustFileError } from './errors.ts'
import { createTrust, loadOrRenewTrust, loadTrust, type Trust, trustPaths } from './files.ts'

const nowMs = Date.now()
const dayMs = 24 * 3600_000
const names = { nodeName: 'alpha', hostnames: ['localhost', 'alpha.local'], ipAddresses: ['127.0.0.1'] }
let data = ''
let made: Trust

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'holdfast-trust-'))
  made = await createTrust(data, { ...names, facility: 'Northgate', nowMs })
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

function refusal(atMs = nowMs): TrustFileError {
  try {
    loadTrust(data, atMs)
  } catch (error) {
    if (!(error instanceof TrustFileError)) throw error
    expect(error.message).not.toContain('\n')
    return error
  }
  throw new Error('the files were taken')
}

describe('trust files', () => {
  it('are for their owner only and load as they were made', () => {
    const paths = trustPaths(data)
    expect(statSync(paths.folder).mode & 0o777).toBe(0o700)
    expect(readdirSync(paths.folder).sort()).toEqual(['ca.pem', 'node.pem'])
    for (const file of [paths.authority, paths.node]) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(loadTrust(data, nowMs)).toEqual(made)
  })

  it('are not made a second time', async () => {
    await expect(createTrust(data, { ...names, facility: 'Northgate', nowMs })).rejects.toMatchObject({
      fault: 'exists',
      file: trustPaths(data).authority,
    })
    expect(loadTrust(data, nowMs)).toEqual(made)
  })

  it('serve TLS 1.3 to a client that trusts the authority', async () => {
    const { authority, node } = loadTrust(data, nowMs)
    const server = createServer({ key: node.key, cert: node.certificate, minVersion: 'TLSv1.3' }, (socket) =>
      socket.end('hello'),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', servername: 'alpha.local', ca: authority.certificate })
    const [text] = await once(socket.setEncoding('utf8'), 'data')
    expect([text, socket.authorized, socket.getProtocol()]).toEqual(['hello', true, 'TLSv1.3'])
    socket.destroy()
    server.close()
  })

  it('are refused when they are missing', () => {
    const { node, authority } = trustPaths(data)
    rmSync(node)
    expect(refusal()).toMatchObject({ fault: 'missing', file: node })
    rmSync(authority)
    expect(refusal().message).toBe(
      `${authority} is missing: restore it from a backup, or make a new node with 'holdfast init'`,
    )
  })

  it('are refused when others may read them', () => {
    const { node } = trustPaths(data)
    chmodSync(node, 0o640)
    expect(refusal()).toMatchObject({
      fault: 'open-to-others',
      message: `${node} holds a secret and is open to other users (mode 0640): run 'chmod 600 ${node}'`,
    })
  })

  it('are refused when they cannot be read', () => {
    const { node } = trustPaths(data)
    rmSync(node)
    // A folder in the place of the file: root, as which tests may run, can read everything else.
    mkdirSync(node, { mode: 0o700 })
    expect(refusal()).toMatchObject({ fault: 'unreadable', file: node })
    expect(refusal().message).toContain(`${node} cannot be read (EISDIR)`)
  })

  it('are refused when they are damaged', () => {
    const { node } = trustPaths(data)
    const text = readFileSync(node, 'utf8')
    writeFileSync(node, made.node.key)
    expect(refusal()).toMatchObject({
      fault: 'malformed',
      message: expect.stringContaining('holds no certificate'),
    })
    writeFileSync(node, made.node.certificate)
    expect(refusal()).toMatchObject({
      fault: 'malformed',
      message: expect.stringContaining('holds no private key'),
    })
    writeFileSync(
      node,
      text.replace(/MII.{40}/, (part) => 'A'.repeat(part.length)),
    )
    expect(refusal()).toMatchObject({
      fault: 'malformed',
      message: `${node} is damaged: restore it from a backup`,
    })
  })

  it('are refused when key and certificate do not belong together', () => {
    const { node } = trustPaths(data)
    writeFileSync(node, made.node.certificate + made.authority.key)
    expect(refusal()).toMatchObject({ fault: 'mismatch', file: node })
  })

  it('are refused when another authority issued the certificate', async () => {
    const kept = readFileSync(trustPaths(data).node, 'utf8')
    rmSync(trustPaths(data).authority)
    await createTrust(data, { ...names, facility: 'Northgate', nowMs })
    writeFileSync(trustPaths(data).node, kept)
    expect(refusal()).toMatchObject({ fault: 'not-issued-here', file: trustPaths(data).node })
  })

  it('are refused outside their dates, and the clock is named', () => {
    const { from, until } = validity(made.node.certificate)
    expect(refusal(from - 1)).toMatchObject({ fault: 'not-yet-valid', file: trustPaths(data).authority })
    expect(refusal(from - 1).message).toContain('set the clock of this machine')
    expect(loadTrust(data, from)).toEqual(made)
    expect(loadTrust(data, until)).toEqual(made)
    const over = refusal(until + 1)
    expect(over).toMatchObject({ fault: 'expired', file: trustPaths(data).node })
    expect(over.message).toContain(`the certificate of CN=alpha in ${trustPaths(data).node} ended on 20`)
  })
})

describe('loadOrRenewTrust', () => {
  it('keeps a certificate that serves', async () => {
    expect(await loadOrRenewTrust(data, { ...names, nowMs })).toEqual({ ...made, renewed: false })
    const fewer = { ...names, hostnames: ['ALPHA.local'], ipAddresses: [] }
    expect(await loadOrRenewTrust(data, { ...fewer, nowMs })).toMatchObject({ renewed: false })
  })

  it.each([
    ['a new hostname', { hostnames: [...names.hostnames, 'straße.local'] }, 0],
    ['a new address', { ipAddresses: ['127.0.0.1', 'fd00::7'] }, 0],
    ['the last third of its life', {}, 560 * dayMs],
    ['its end', {}, 900 * dayMs],
  ])('renews it with a new key for %s, once', async (_, change, laterMs) => {
    const request = { ...names, ...change, nowMs: nowMs + laterMs }
    const renewed = await loadOrRenewTrust(data, request)
    expect(renewed.renewed).toBe(true)
    expect(renewed.authority).toEqual(made.authority)
    expect(renewed.node.key).not.toBe(made.node.key)
    expect(await loadOrRenewTrust(data, request)).toEqual({ ...renewed, renewed: false })
    expect(loadTrust(data, request.nowMs).node).toEqual(renewed.node)
  })

  it('replaces one that was issued under a clock that ran ahead', async () => {
    const ahead = await loadOrRenewTrust(data, { ...names, nowMs: nowMs + 1000 * dayMs })
    expect(ahead.renewed).toBe(true)
    expect(refusal()).toMatchObject({ fault: 'not-yet-valid', file: trustPaths(data).node })
    expect(await loadOrRenewTrust(data, { ...names, nowMs })).toMatchObject({ renewed: true })
    expect(loadTrust(data, nowMs).authority).toEqual(made.authority)
  })

  it('makes a missing one, but not for an authority that is not there', async () => {
    rmSync(trustPaths(data).node)
    expect(await loadOrRenewTrust(data, { ...names, nowMs })).toMatchObject({ renewed: true })
    rmSync(trustPaths(data).authority)
    await expect(loadOrRenewTrust(data, { ...names, nowMs })).rejects.toMatchObject({ fault: 'missing' })
  })
})
