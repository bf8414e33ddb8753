/**
 * `unreachable`: no connection · `timeout`: connected, and no answer in time · `not-trusted`: one side's certificate is
 * not of the cluster's interconnect authority · `wrong-node`: another node than the expected one answers there ·
 * `foreign-generation`: the other one belongs to another generation of the cluster · `not-member`: the other one does
 * not know this node as a member · `protocol`: an answer that is none.
 */
export type PeerFault =
  | 'unreachable'
  | 'timeout'
  | 'not-trusted'
  | 'wrong-node'
  | 'foreign-generation'
  | 'not-member'
  | 'protocol'

/** Another node could not be asked; the message is one line. What the other node refuses is a HoldfastError. */
export class PeerError extends Error {
  readonly fault: PeerFault
  /** Member that was asked. */
  readonly nodeId: string
  constructor(fault: PeerFault, nodeId: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PeerError'
    this.fault = fault
    this.nodeId = nodeId
  }
}

/** The other node belongs to another generation of the cluster: one of the two was left behind by a recovery. */
export class ForeignGenerationError extends PeerError {
  /** The other node's. */
  readonly generation: string
  constructor(nodeId: string, generation: string) {
    super(
      'foreign-generation',
      nodeId,
      `Node ${nodeId} belongs to generation ${generation || '(none)'} of the cluster, which is not this node's.`,
    )
    this.name = 'ForeignGenerationError'
    this.generation = generation
  }
}

/**
 * `cut`: not all of it came · `wrong-hash`: it was changed on the way · `damaged`: no sound database of this version ·
 * `wrong-log`: of another log, or not far enough · `no-room`: the disk has no room for it.
 */
export type SnapshotFault = 'cut' | 'wrong-hash' | 'damaged' | 'wrong-log' | 'no-room'

/** A snapshot of another node cannot be used; one line. What this node has is untouched. */
export class SnapshotError extends Error {
  readonly fault: SnapshotFault
  constructor(fault: SnapshotFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SnapshotError'
    this.fault = fault
  }
}

/** Codes of OpenSSL and Node by which a handshake fails over certificates. */
const distrust =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_|PATH_LENGTH|ERR_SSL_|ERR_TLS_CERT|ERR_OSSL_|EPROTO$)/

/** What a failed connection to another node means. */
export function faultOf(error: NodeJS.ErrnoException): PeerFault {
  const code = error.code ?? ''
  if (code === 'HOLDFAST_WRONG_NODE') return 'wrong-node'
  if (distrust.test(code)) return 'not-trusted'
  return code === 'ABORT_ERR' || code === 'ETIMEDOUT' || error.name === 'TimeoutError'
    ? 'timeout'
    : 'unreachable'
}

/** The same for people. */
export function reasonOf(fault: PeerFault, error: NodeJS.ErrnoException): string {
  const code = error.code ?? error.name
  switch (fault) {
    case 'wrong-node':
      return error.message
    case 'not-trusted':
      return `one of the two does not accept the other's certificate (${code})`
    case 'timeout':
      return 'it did not answer in time'
    default:
      return code === 'ECONNRESET'
        ? 'it closed the connection: it stops, or it does not accept this node or its certificate'
        : `no connection (${code})`
  }
}

/** The peer link could not start to listen; one line that says why and how to mend it. */
export class PeerListenError extends Error {
  constructor(error: NodeJS.ErrnoException, host: string, port: number) {
    super(`The link between nodes cannot listen on ${host} port ${port}: ${reason(error)}.`, { cause: error })
    this.name = 'PeerListenError'
  }
}

function reason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program has the port; stop it or set peerPort'
    case 'EACCES':
      return 'this user may not; set peerPort to 1024 or above'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; set host to one of its own'
    default:
      return error.message
  }
}
