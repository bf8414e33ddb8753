import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'
import { ServiceManager } from './sd-notify.ts'

const logger = createLogger({ level: 'silent' })

/** Perl is part of every Debian and, unlike Node, can receive Unix datagrams. */
const receiver = `
use Socket; $| = 1;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
print "listening\\n";
while (defined recv($s, my $m, 4096, 0)) { $m =~ s/\\n/;/g; print "$m\\n" }
`

async function receive(socket: string) {
  const child = spawn('perl', ['-e', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => (await lines.next()).value ?? ''
  expect(await next()).toBe('listening')
  return { next, [Symbol.dispose]: () => child.kill() }
}

/** The next message with `what` in it; others, such as the tool's own BARRIER=1, may come between. */
async function until(next: () => Promise<string>, what: string): Promise<string> {
  for (;;) {
    const line = await next()
    if (line.includes(what)) return line
  }
}

test('ready, signs of life and stopping reach the service manager', async () => {
  expect(existsSync('/usr/bin/systemd-notify'), 'install it with: apt-get install systemd').toBe(true)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-notify-'))
  try {
    const socket = join(folder, 'notify')
    using manager = await receive(socket)
    await using service = new ServiceManager({ socket, watchdogMs: 100, logger })
    await service.ready('Serving\non port 7443')
    expect(await until(manager.next, 'READY=1')).toContain('STATUS=Serving on port 7443')
    await until(manager.next, 'WATCHDOG=1')
    await service.stopping()
    await until(manager.next, 'STOPPING=1')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('without systemd, or with its tool missing, the service goes on', async () => {
  await using absent = new ServiceManager({ socket: null, watchdogMs: null, logger })
  await absent.ready('Serving')
  await using broken = new ServiceManager({
    socket: '/nowhere',
    watchdogMs: null,
    logger,
    command: '/no/such',
  })
  await broken.ready('Serving')
  await broken.stopping()
})
