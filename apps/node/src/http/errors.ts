/** The server could not start to listen; the message is one line that says why and how to mend it. */
export class ListenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ListenError'
  }
}

/** Puts the system's refusal to listen into words for whoever started the node. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  return new ListenError(explain(error, host, port), { cause: error })
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken by another program: stop it or start with --port.`
    case 'EACCES':
      return `Port ${port} needs a right that this user lacks: start with --port and a number of 1024 or above, or give the program CAP_NET_BIND_SERVICE.`
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}: start with --host and one of its own addresses, or without --host for all.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} leads to no address: start with --host and an address of this machine.`
    default:
      return `Listening on ${host} port ${port} failed: ${error.message}.`
  }
}

/** The certificate or the key cannot be used; the message names neither's content. */
export class CertificateError extends Error {
  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`The node's certificate and key cannot be used (${why}): check them with "holdfast doctor".`, {
      cause,
    })
    this.name = 'CertificateError'
  }
}
