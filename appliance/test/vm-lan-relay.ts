/**
 * Runs in the LAN of virtual machines, with listeners from outside: a listener keeps the namespace in which it was made, and
 * what this process connects to is in its own. Each message brings a listener and says where its connections lead. It ends
 * with the test that started it.
 */
import { connect, type Server } from 'node:net'
import { pipeline } from 'node:stream'

export interface RelayOrder {
  host: string
  port: number
}

process.on('message', (to: RelayOrder, server: Server) => {
  server.on('connection', (near) => {
    const far = connect({ ...to, noDelay: true })
    // What fails on one side ends both.
    pipeline(near, far, near, () => {})
  })
})
process.on('disconnect', () => process.exit())
