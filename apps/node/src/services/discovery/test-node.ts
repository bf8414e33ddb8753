/** A process that is nothing but discovery. Prints its state as one line of JSON, again and again, until it is ended. */
import { Discovery } from './discovery.ts'
import { parseDiscoverySettings } from './settings.ts'
import { testIdentity } from './test-identity.ts'

const { name, settings } = JSON.parse(process.argv[2] ?? '{}') as { name: string; settings?: object }

const log = (fields: object, message: string) =>
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
const discovery = new Discovery({
  ...(await testIdentity(name)),
  settings: parseDiscoverySettings(settings ?? {}),
  log: { info: log, warn: log, debug: log },
  intervals: { beaconMs: 500, mdnsQueryMs: 2_000, rescanMs: 1_000 },
})
await discovery.start()
const report = setInterval(() => {
  process.stdout.write(`${JSON.stringify({ peers: discovery.peers(), state: discovery.state() })}\n`)
}, 200)
process.once('SIGTERM', async () => {
  clearInterval(report)
  await discovery.stop()
  process.exit(0)
})
