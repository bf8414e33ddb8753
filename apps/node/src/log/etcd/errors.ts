/** There is no etcd that a node of a cluster could run; the message is the line an operator sees. */
export class EtcdBinaryError extends Error {
  override name = 'EtcdBinaryError'
}
