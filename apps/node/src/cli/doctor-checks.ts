/** What can be wrong with a machine that runs a node, and how to mend it. Nothing here changes anything. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { limits } from '@holdfast/api/contract/limits'
import { configSchema } from '../config/config.ts'
import { announcedAddresses, decideInterfaces, readInterfaces } from '../services/discovery/interfaces.ts'
import { checkData } from './doctor-data.ts'
import { UsageError } from './errors.ts'

export interface Finding {
  /** What was looked at. */
  check: string
  level: 'ok' | 'warning' | 'wrong'
  /** What is so, in a sentence. */
  found: string
  /** What to do about it; null when it is well. */
  mend: string | null
}

export const ok = (check: string, found: string): Finding => ({ check, level: 'ok', found, mend: null })
export const warning = (check: string, found: string, mend: string): Finding => ({
  check,
  level: 'warning',
  found,
  mend,
})
export const wrong = (check: string, found: string, mend: string): Finding => ({
  check,
  level: 'wrong',
  found,
  mend,
})

/** Older than this program: a clock before it cannot be right. */
const earliest = Date.UTC(2026, 0, 1)
/** Descriptors beside those of clients: databases, logs, discovery. */
const ownDescriptors = 200
const answerTimeoutMs = 3000

/** Looks at the machine, and at a data folder when one is named. */
export async function* diagnose(options: {
  data?: string | undefined
  port?: string | undefined
}): AsyncGenerator<Finding> {
  const port = configSchema.shape.port.safeParse(
    options.port === undefined ? undefined : Number(options.port),
  )
  if (!port.success) throw new UsageError(`"${options.port}" is no port: write a number from 0 to 65535.`)
  yield checkClock()
  yield await checkDescriptors()
  yield await checkPort(port.data)
  yield checkInterfaces()
  if (options.data !== undefined) yield* checkData(options.data)
}

function checkClock(): Finding {
  const now = new Date()
  if (now.getTime() >= earliest) return ok('clock', `It is ${now.toISOString()}.`)
  return wrong(
    'clock',
    `It is ${now.toISOString()}, which is before this program was made.`,
    'Set it, for example: timedatectl set-time "2026-11-23 12:00". Certificates and message times depend on it.',
  )
}

/** Every client needs a descriptor; the kernel's default of 1024 is reached long before the processor is busy. */
async function checkDescriptors(): Promise<Finding> {
  const check = 'open files'
  let text: string
  try {
    text = await readFile('/proc/self/limits', 'utf8')
  } catch {
    return warning(
      check,
      'The limit cannot be read on this system.',
      'See that a process may open 20,000 files.',
    )
  }
  // Node raises the soft limit to the hard one by itself.
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1]
  const most = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
  const found = `A process may open ${hard ?? 'an unknown number of'} files.`
  if (most >= limits.connections + ownDescriptors) return ok(check, found)
  return warning(
    check,
    `${found} A node with ${limits.connections} clients needs more.`,
    `Raise it: LimitNOFILE=${limits.connections + 1000} in the systemd unit, or ulimit -Hn.`,
  )
}

async function checkPort(port: number): Promise<Finding> {
  const check = `port ${port}/tcp`
  const taken = await listenError(port)
  if (taken === null) return ok(check, 'It is free.')
  if (taken === 'EACCES')
    return wrong(
      check,
      'This user may not listen on it.',
      `Choose a port above 1023, or allow it: sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
    )
  if (taken !== 'EADDRINUSE')
    return wrong(check, `It cannot be listened on (${taken}).`, 'See that the network of this machine is up.')
  const facility = await askHoldfast(port)
  if (facility !== null)
    return ok(check, `A Holdfast node serves on it${facility === '' ? '' : `, of ${facility}`}.`)
  return wrong(
    check,
    'Another program listens on it, and it is no Holdfast node.',
    `Find it with: ss -ltnp 'sport = :${port}'. Stop it, or give the node another port with --port.`,
  )
}

/** Why listening fails; null when it does not. */
function listenError(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

/** The facility of the node on this port; null when what answers is none. Nothing secret is sent, so no CA is needed. */
function askHoldfast(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request(
      {
        host: 'localhost',
        port,
        path: '/.well-known/holdfast',
        rejectUnauthorized: false,
        timeout: answerTimeoutMs,
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', () => resolve(null))
        answer.on('end', () => resolve(facilityIn(Buffer.concat(chunks).toString())))
      },
    )
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(null))
    asked.on('close', () => resolve(null))
    asked.end()
  })
}

function facilityIn(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('holdfast' in value)) return null
    return 'facility' in value && typeof value.facility === 'string' ? value.facility : ''
  } catch {
    return null
  }
}

function checkInterfaces(): Finding {
  const check = 'discovery'
  const { table, otherNames } = readInterfaces()
  const decisions = decideInterfaces(table, 'lan', otherNames)
  const lan = decisions.filter((decision) => decision.announced)
  if (lan.length > 0)
    return ok(
      check,
      `Clients on the LAN can find a node here by ${lan.map((each) => `${each.name} (${announcedAddresses(each).join(' ')})`).join(', ')}.`,
    )
  const why = decisions.map((each) => ` ${each.name}: ${each.reason}`).join('')
  return warning(
    check,
    `No interface is taken for the LAN's.${why || ' There is none.'}`,
    'Connect the machine, or name the interfaces in Settings; clients can always be given the address by hand.',
  )
}
