/** There is no etcd that a node of a cluster could run; the message is the line an operator sees. */
export class EtcdBinaryError extends Error {
  override name = 'EtcdBinaryError'
}

/** Status codes of gRPC (grpc.io, statuscodes); here, so that a single node need not load gRPC to know them. */
const grpcStatus = { deadlineExceeded: 4, notFound: 5, unavailable: 14 } as const

/** An error of etcd or of the way to it. */
export class EtcdError extends Error {
  /** gRPC status code. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'EtcdError'
    this.code = code
  }

  /** Whether what it is about is not there. */
  get notFound(): boolean {
    return this.code === grpcStatus.notFound
  }

  /** Whether etcd could not be reached or did not answer in time, so that nobody knows whether it was done. */
  get unanswered(): boolean {
    return this.code === grpcStatus.unavailable || this.code === grpcStatus.deadlineExceeded
  }
}
