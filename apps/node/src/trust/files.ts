/**
 * The node's keys on disk, under DATA/secrets. A certificate and its key share one file: it is replaced at once, and a
 * crash cannot leave a certificate beside the key of another.
 */
import { X509Certificate } from 'node:crypto'
import { join, resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import {
  createAuthority,
  createKeyPair,
  issueNodeCertificate,
  type KeyedCertificate,
  type NodeRequest,
} from './ca.ts'
import { issuedBy, keyMatches, renewalDue, validity } from './certificates.ts'
import { TrustFileError } from './errors.ts'
import { ensurePrivateFolder, readPrivateText, writePrivately } from './private-files.ts'

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/
const keyPattern = /-----BEGIN (?:EC )?PRIVATE KEY-----[\s\S]+?-----END (?:EC )?PRIVATE KEY-----/

export interface Trust {
  authority: KeyedCertificate
  node: KeyedCertificate
}

export type NodeNames = Pick<NodeRequest, 'nodeName' | 'hostnames' | 'ipAddresses'>

export interface TrustPaths {
  folder: string
  authority: string
  node: string
}

/** Takes over the authority of a facility that this node joins, and issues it a certificate; its own ones are replaced. */
export async function adoptTrust(
  dataFolder: string,
  authority: KeyedCertificate,
  request: NodeNames & { nowMs: number },
): Promise<void> {
  const paths = trustPaths(dataFolder)
  await ensurePrivateFolder(paths.folder)
  const node = await newNodeCertificate(authority, request)
  await writePair(paths.authority, authority)
  await writePair(paths.node, node)
}

/** Where the keys of a data folder are. */
export function trustPaths(dataFolder: string): TrustPaths {
  const folder = join(resolve(dataFolder), 'secrets')
  return { folder, authority: join(folder, 'ca.pem'), node: join(folder, 'node.pem') }
}

/**
 * Makes a facility's authority and its first node's certificate, and writes both.
 * @throws TrustFileError `exists` when there is an authority: every client would have to trust the new one by hand
 */
export async function createTrust(
  dataFolder: string,
  request: NodeNames & { facility: string; nowMs: number },
): Promise<Trust> {
  const paths = trustPaths(dataFolder)
  await ensurePrivateFolder(paths.folder)
  if (readPrivateText(paths.authority) !== null) {
    const mend = 'use another folder, or move this file away if nothing trusts it any more'
    throw new TrustFileError('exists', paths.authority, `${paths.authority} is there already: ${mend}`)
  }
  const authority = await createAuthority(request)
  const node = await newNodeCertificate(authority, request)
  await writePair(paths.authority, authority)
  await writePair(paths.node, node)
  return { authority, node }
}

/**
 * Loads what `createTrust` wrote and checks it.
 * @throws TrustFileError in one line: missing, unreadable, open to others, malformed, key of another certificate, not
 *   issued by this authority, not valid at `nowMs`
 */
export function loadTrust(dataFolder: string, nowMs: number): Trust {
  const paths = trustPaths(dataFolder)
  const authority = loadAuthority(paths, nowMs)
  const node = loadNode(paths, authority)
  checkDates(paths.node, node, nowMs)
  return { authority, node }
}

/**
 * Loads the keys as `loadTrust` does, and issues a new node certificate, with a new key, when the old one is missing,
 * due, or not good for a date, name or address that the node has now.
 * @throws TrustFileError as `loadTrust`, but for the dates of the node's own certificate
 */
export function loadOrRenewTrust(
  dataFolder: string,
  request: NodeNames & { nowMs: number },
): Promise<Trust & { renewed: boolean }> {
  return loadOrRenew(trustPaths(dataFolder), request)
}

/** `loadOrRenewTrust` for the keys at these places. */
export async function loadOrRenew(
  paths: TrustPaths,
  request: NodeNames & { nowMs: number },
): Promise<Trust & { renewed: boolean }> {
  const authority = loadAuthority(paths, request.nowMs)
  const { node: file } = paths
  const node = readPrivateText(file) === null ? null : loadNode(paths, authority)
  if (node !== null && serves(node.certificate, request)) return { authority, node, renewed: false }
  const fresh = await newNodeCertificate(authority, request)
  await writePair(file, fresh)
  return { authority, node: fresh, renewed: true }
}

/** Whether a node certificate is good for now, for a while, and for all the names and addresses. */
function serves(certificate: string, request: NodeNames & { nowMs: number }): boolean {
  const parsed = new X509Certificate(certificate)
  return (
    request.nowMs >= parsed.validFromDate.getTime() &&
    !renewalDue(certificate, request.nowMs) &&
    request.hostnames.every((name) => parsed.checkHost(domainToASCII(name)) !== undefined) &&
    request.ipAddresses.every((address) => parsed.checkIP(address) !== undefined)
  )
}

/** A key pair and its certificate. */
export async function newNodeCertificate(
  authority: KeyedCertificate,
  request: NodeNames & { nowMs: number },
): Promise<KeyedCertificate> {
  const { publicKey, privateKey } = createKeyPair()
  const { certificate } = await issueNodeCertificate(authority, { ...request, publicKey })
  return { certificate, key: privateKey }
}

function loadAuthority({ authority: file }: TrustPaths, nowMs: number): KeyedCertificate {
  const authority = readPair(file)
  checkDates(file, authority, nowMs)
  return authority
}

function loadNode(paths: TrustPaths, authority: KeyedCertificate): KeyedCertificate {
  const node = readPair(paths.node)
  if (!issuedBy(node.certificate, authority.certificate)) {
    throw new TrustFileError(
      'not-issued-here',
      paths.node,
      `${paths.node} was not issued by the authority in ${paths.authority}: restore both from one backup`,
    )
  }
  return node
}

function readPair(file: string): KeyedCertificate {
  const text = readPrivateText(file)
  if (text === null) {
    const mend = "restore it from a backup, or make a new node with 'holdfast init'"
    throw new TrustFileError('missing', file, `${file} is missing: ${mend}`)
  }
  const certificate = certificatePattern.exec(text)?.[0]
  const key = keyPattern.exec(text)?.[0]
  if (certificate === undefined || key === undefined) {
    const part = certificate === undefined ? 'certificate' : 'private key'
    throw new TrustFileError('malformed', file, `${file} holds no ${part}: restore it from a backup`)
  }
  const pair = { certificate: `${certificate}\n`, key: `${key}\n` }
  if (!matches(file, pair)) {
    throw new TrustFileError(
      'mismatch',
      file,
      `${file} holds a certificate and the key of another one: restore it from a backup`,
    )
  }
  return pair
}

function matches(file: string, pair: KeyedCertificate): boolean {
  try {
    return keyMatches(pair.certificate, pair.key)
  } catch (error) {
    throw new TrustFileError('malformed', file, `${file} is damaged: restore it from a backup`, {
      cause: error,
    })
  }
}

function checkDates(file: string, pair: KeyedCertificate, nowMs: number): void {
  const { from, until } = validity(pair.certificate)
  if (nowMs < from) {
    throw new TrustFileError(
      'not-yet-valid',
      file,
      `${file} is valid from ${day(from)} and the clock says ${day(nowMs)}: set the clock of this machine`,
    )
  }
  if (nowMs > until) {
    const subject = new X509Certificate(pair.certificate).subject.replaceAll('\n', ', ')
    throw new TrustFileError(
      'expired',
      file,
      `the certificate of ${subject} in ${file} ended on ${day(until)} and the clock says ${day(nowMs)}: set the clock, or renew the certificate`,
    )
  }
}

/** Writes a certificate and its key into one file, at once. */
export async function writePair(file: string, pair: KeyedCertificate): Promise<void> {
  await writePrivately(file, pair.certificate + pair.key)
}

/** ISO 8601, to the minute. */
function day(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
