import { EtcdClient } from '../../apps/node/src/log/etcd/etcd-client.ts'
import { loopback } from '../lib/network.ts'
import type { Connection, ConnectRequest } from './connection.ts'
import type { Endpoint } from './plan.ts'

const deadlineMs = 30_000
/** One HTTP/2 connection to each server serves all rooms, as etcd's clients are meant to be used. */
const clients = new Map<string, { client: EtcdClient; users: number }>()

/** A room is a key; sending is a put, and its answer both acknowledges and delivers. */
export async function connectEtcd(request: ConnectRequest): Promise<Connection> {
  const { endpoint, roomAddress, events } = request
  const address = `${endpoint.host ?? loopback}:${endpoint.port}`
  const client = enter(address, endpoint)
  const leave = () => release(address)
  return {
    send(messages) {
      for (const { id, body } of messages)
        client.put(roomAddress, body, deadlineMs).then(
          () => {
            events.delivered(1)
            events.acknowledged([id])
          },
          (error: Error) => events.failed(`etcd at ${address}: ${error.message}`),
        )
    },
    close: leave,
    abort: leave,
  }
}

function enter(address: string, endpoint: Endpoint): EtcdClient {
  if (!endpoint.credentials) throw new Error(`no credentials for etcd at ${address}`)
  const entry = clients.get(address) ?? { client: new EtcdClient(address, endpoint.credentials), users: 0 }
  entry.users++
  clients.set(address, entry)
  return entry.client
}

function release(address: string): void {
  const entry = clients.get(address)
  if (!entry || --entry.users > 0) return
  entry.client.close()
  clients.delete(address)
}
