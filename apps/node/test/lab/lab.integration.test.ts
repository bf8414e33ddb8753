/** The laboratory itself: each fault is seen to do what it says, and to heal. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pinnedNode } from '../node-process.ts'
import { Volume } from '../volume.ts'
import { Clock } from './clock.ts'
import { pauseProcesses } from './fault.ts'
import { faultKinds, faultNames } from './fault-kinds.ts'
import { type Host, hub, Lab } from './lab.ts'
import { LabNode } from './lab-node.ts'
import { folderOf, processesIn } from './leftovers.ts'

/** A hang guard for what heals. */
const guardMs = 20_000
/** Long beside an answer on a bridge, short beside the test. */
const answerMs = 600
const probeProgram = join(import.meta.dirname, 'probe.ts')

interface Answer {
  ok: boolean
  body?: string
  error?: string
  tookMs: number
  echoes?: number
}

class Probe {
  readonly pid: number
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #write: (line: string) => void
  #id = 0

  private constructor(child: ReturnType<Lab['spawn']>) {
    this.pid = child.pid ?? 0
    this.#write = (line) => child.stdin?.write(line)
  }

  static async start(lab: Lab, host: Host): Promise<Probe> {
    const child = lab.spawn(host, [pinnedNode, probeProgram])
    const probe = new Probe(child)
    const ready = Promise.withResolvers<void>()
    let listening = 0
    child.once('exit', () => ready.reject(new Error(`the probe in ${host} ended`)))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { id, ...answer } = JSON.parse(line) as Answer & { id?: number }
      if (id !== undefined) probe.#waiting.get(id)?.(answer)
      else if (++listening === 2) ready.resolve()
    })
    await ready.promise
    return probe
  }

  get(url: string, timeoutMs = answerMs): Promise<Answer> {
    return this.#ask({ url, timeoutMs })
  }

  /** How many of so many datagrams came back. */
  async echoes(echo: string, count: number): Promise<number> {
    return (await this.#ask({ echo, count, timeoutMs: answerMs })).echoes ?? 0
  }

  #ask(question: object): Promise<Answer> {
    this.#id += 1
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#waiting.set(this.#id, resolve)
    this.#write(`${JSON.stringify({ id: this.#id, ...question })}\n`)
    return promise
  }
}

let lab: Lab
const probes = new Map<Host, Probe>()
beforeAll(async () => {
  lab = await Lab.create({ nodes: 3 })
  for (const host of ['hf1', 'hf2', hub]) probes.set(host, await Probe.start(lab, host))
})
afterEach(() => lab?.healAll())
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  if (!lab) return
  expect(existsSync(lab.folder)).toBe(false)
  expect(readdirSync('/run/netns').filter((name) => name.startsWith(lab.name))).toEqual([])
})

const ask = (from: Host, to: Host, path = '', port = 7446, timeoutMs = answerMs) =>
  probes.get(from)!.get(`http://${lab.address(to)}:${port}/${path}`, timeoutMs)

async function hears(from: Host, to: Host): Promise<void> {
  const answer = await ask(from, to, '', 7446, guardMs)
  expect(answer, `${from} asks ${to}`).toMatchObject({ ok: true, body: `${lab.address(from)}\n` })
}
async function hangs(from: Host, to: Host): Promise<void> {
  expect(await ask(from, to), `${from} asks ${to}`).toMatchObject({ ok: false, error: 'timeout' })
}

describe('links', () => {
  it('are whole at first', async () => {
    for (const from of probes.keys()) for (const to of probes.keys()) await hears(from, to)
  })

  it('can be cut between a host and all others', async () => {
    const fault = await lab.cut('hf1')
    await Promise.all([hangs('hf1', 'hf2'), hangs('hf2', 'hf1'), hangs('hub', 'hf1'), hears('hub', 'hf2')])
    await hears('hf1', 'hf1')
    await fault.heal()
    await Promise.all([hears('hf1', 'hf2'), hears('hub', 'hf1')])
  })

  it('can be cut between two hosts', async () => {
    const fault = await lab.cut('hf1', ['hf2'])
    await Promise.all([hangs('hf1', 'hf2'), hangs('hf2', 'hf1'), hears('hub', 'hf1')])
    await fault.heal()
    await Promise.all([hears('hf1', 'hf2'), hears('hf2', 'hf1')])
  })

  it('can be cut in one direction: packets go, and no answer comes', async () => {
    const fault = await lab.cutOneWay('hf1', ['hf2'])
    const heard = () => received('hf1')
    const before = await heard()
    await hangs('hf2', 'hf1')
    expect(await heard()).toBeGreaterThan(before)
    await fault.heal()
    await Promise.all([hears('hf1', 'hf2'), hears('hf2', 'hf1')])
  })

  it('can flap', async () => {
    const fault = await lab.flap('hf1', [700, 700], ['hf2'])
    const outcomes = new Set<boolean>()
    await until('the link is seen cut and joined', async () => {
      outcomes.add((await ask('hf1', 'hf2', '', 7446, 200)).ok)
      return outcomes.size === 2
    })
    await fault.heal()
    await hears('hf1', 'hf2')
  })

  it('can lose a share of the packets', async () => {
    const all = await lab.lose('hf1', 1, ['hf2'])
    await hangs('hf1', 'hf2')
    await all.heal()
    const some = await lab.lose('hf1', 0.3, ['hf2'])
    const ping = (count: number) => probes.get('hf1')!.echoes(lab.address('hf2'), count)
    const got = await ping(200)
    expect(got).toBeGreaterThan(0)
    expect(got).toBeLessThan(200)
    await some.heal()
    expect(await ping(20)).toBe(20)
  })

  it('can be narrow', async () => {
    const bytes = 400_000
    const fault = await lab.narrow('hf1', 2000)
    const slow = await ask('hf1', 'hf2', `${bytes}`, 7446, guardMs)
    // A token bucket lets nothing by that it has no tokens for: 336 KB beyond its 64 KB need over a second at 250 KB/s.
    expect(slow.body?.length).toBeGreaterThan(bytes)
    expect(slow.tookMs).toBeGreaterThan(1000)
    await expect(lab.narrow('hf1', 1000)).rejects.toThrow(/tc .* failed: /)
    await fault.heal()
    const qdiscs = await lab.run('hf1', ['tc', 'qdisc', 'show', 'dev', 'eth0'])
    expect(qdiscs).not.toContain('tbf')
  })

  it('can be slow between two hosts, in both directions and with the true address', async () => {
    const fault = await lab.delay('hf1', 'hf2', 150)
    for (const [from, to] of [
      ['hf1', 'hf2'],
      ['hf2', 'hf1'],
    ] as const) {
      for (const port of [7444, 7446]) {
        const answer = await ask(from, to, '', port, guardMs)
        expect(answer).toMatchObject({ ok: true, body: `${lab.address(from)}\n` })
        // The question and the answer each wait.
        expect(answer.tookMs).toBeGreaterThanOrEqual(300)
      }
    }
    const large = await ask('hf1', 'hf2', '3000000', 7446, guardMs)
    expect(large.body?.length).toBeGreaterThan(3_000_000)
    await fault.heal()
    await Promise.all([hears('hf1', 'hf2'), hears('hf2', 'hf1')])
    expect(await lab.run('hf1', ['nft', 'list', 'ruleset'])).toBe('')
    expect(processesIn(`${lab.name}.hf1`)).toEqual([probes.get('hf1')!.pid])
  })

  it('that are slow end the connections that were made before', async () => {
    const script = `const s = require('net').connect(7446, '${lab.address('hf2')}', () => console.log('connected'));
      s.on('error', (e) => { console.log(e.code); process.exit() }); setInterval(() => s.write('GET /'), 50)`
    const child = lab.spawn('hf1', [pinnedNode, '-e', script])
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('connected')
    await using _fault = await lab.delay('hf1', 'hf2', 50)
    expect((await lines.next()).value).toMatch(/^(ECONNRESET|EPIPE)$/)
  })

  it('keep other faults when one is healed', async () => {
    await using first = await lab.cut('hf1', ['hf2'])
    const second = await lab.cut('hf1', [hub])
    await second.heal()
    await Promise.all([hears('hub', 'hf1'), hangs('hf1', 'hf2')])
    await first.heal()
    await hears('hf1', 'hf2')
  })
})

describe('kinds of faults', () => {
  const linkFaults = faultNames.filter((name) => /cut|mute|deafen|flap|lose|line/.test(name))
  it.each(linkFaults)('%s is broken and healed, and leaves nothing behind', async (name) => {
    const nodes = lab.nodes.map((host) => new LabNode(lab, host))
    const nobody = () => Promise.reject(new Error('this is no cluster'))
    const field = { lab, nodes, leader: async () => nodes[1]!, remove: nobody, join: nobody }
    const values = Object.fromEntries(
      Object.entries(faultKinds[name].values).map(([value, [least]]) => [value, least]),
    )
    const traces = async () => {
      const rules = await Promise.all(lab.nodes.map((host) => lab.run(host, ['nft', 'list', 'ruleset'])))
      const lines = await Promise.all(lab.nodes.map((host) => lab.run(host, ['tc', 'qdisc', 'show'])))
      return [...rules, ...lines].join('')
    }
    const before = await traces()
    // Links that are cut before the fault hang long enough to be seen.
    const fault = await faultKinds[name].break(field, { node: 1, ...values, linkMs: 100 })
    expect(await traces()).not.toBe(before)
    await fault.heal()
    expect(await traces()).toBe(before)
    await Promise.all([hears('hf1', 'hf2'), hears('hf2', 'hf1'), hears(hub, 'hf2')])
  })
})

describe('processes', () => {
  it('can stand still and go on', async () => {
    const fault = pauseProcesses([probes.get('hf2')!.pid])
    await hangs('hf1', 'hf2')
    await fault.heal()
    await hears('hf1', 'hf2')
  })

  it('can have a clock that jumps while timers go on', async () => {
    const clock = new Clock(join(lab.folder, 'clock'))
    const script = `setInterval(() => console.log(JSON.stringify([Date.now(), performance.now()])), 50)`
    const child = lab.spawn('hf1', [pinnedNode, '-e', script], { env: { ...process.env, ...clock.env } })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const offset = async () => {
      const [now = 0, monotonic = 0] = JSON.parse((await lines.next()).value ?? '[]') as number[]
      return { offsetMs: now - Date.now(), monotonic }
    }
    expect(Math.abs((await offset()).offsetMs)).toBeLessThan(60_000)
    for (const hours of [1, -1]) {
      const fault = clock.jump(hours * 3_600_000)
      const before = (await offset()).monotonic
      await until(`the clock is ${hours} h ahead`, async () => {
        const { offsetMs, monotonic } = await offset()
        expect(monotonic).toBeGreaterThan(before - 1)
        expect(monotonic - before).toBeLessThan(guardMs)
        return Math.abs(offsetMs - hours * 3_600_000) < 60_000
      })
      await fault.heal()
      await until('the clock is right', async () => Math.abs((await offset()).offsetMs) < 60_000)
    }
    child.kill('SIGKILL')
  })
})

describe('disks', () => {
  it('can be full and have room again', () => {
    using volume = new Volume(join(lab.folder, 'disk'), 4)
    const write = () => writeFileSync(join(volume.dataDir, 'file'), Buffer.alloc(1024 * 1024))
    volume.fill(0)
    expect(write).toThrow('ENOSPC')
    volume.clear()
    write()
    expect(statfsSync(volume.path).type).toBe(0x01021994)
  })
})

describe('a lab', () => {
  it('whose owner was killed is taken away by the next one, and others are left', async () => {
    const program = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, 'lab.ts'))}
      import { Volume } from ${JSON.stringify(join(import.meta.dirname, '..', 'volume.ts'))}
      const lab = await Lab.create({ nodes: 1 })
      new Volume(lab.folder + '/disk', 1)
      const child = lab.spawn('hf1', ['sleep', '600'])
      console.log(JSON.stringify([lab.name, child.pid])); setInterval(() => {}, 1000)`
    const owner = spawn(pinnedNode, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: import.meta.dirname,
    })
    const [line] = (await once(owner.stdout!, 'data')) as [Buffer]
    const [name, pid] = JSON.parse(line.toString()) as [string, number]
    const exit = once(owner, 'exit')
    owner.kill('SIGKILL')
    await exit
    expect(processesIn(`${name}.hf1`)).toEqual([pid])
    await using _next = await Lab.create({ nodes: 1 })
    expect(readdirSync('/run/netns').filter((each) => each.startsWith(`${name}.`))).toEqual([])
    expect(existsSync(folderOf(name))).toBe(false)
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(name)
    expect(isRunning(pid)).toBe(false)
    await hears('hf1', 'hf2')
  })

  it('that could not be made leaves nothing', async () => {
    await expect(Lab.create({ nodes: 17 })).rejects.toThrow('A lab has 1 to 16 nodes, not 17.')
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-path-'))
    // An `ip` that fails at the second node.
    writeFileSync(
      join(folder, 'ip'),
      `#!/bin/sh\ncase "$*" in *port2*) exit 1;; esac\nexec /usr/sbin/ip "$@"\n`,
      {
        mode: 0o755,
      },
    )
    const program = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, 'lab.ts'))}
      await Lab.create({ nodes: 2 })
        .catch((error) => console.log(error.message))
      console.log(process.pid)`
    const said = execFileSync(pinnedNode, ['--input-type=module-typescript', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    })
    expect(said).toMatch(/ip .*port2.* failed/)
    const pid = said.trim().split('\n').at(-1)
    const names = [...readdirSync('/run/netns'), ...readdirSync(tmpdir())]
    expect(names.filter((name) => name.startsWith(`hflab.${pid}.`))).toEqual([])
  })

  it.each([
    ['ip', 'iproute2'],
    ['tc', 'iproute2'],
    ['nft', 'nftables'],
  ])('says in one line how to install a missing %s', async (tool, debianPackage) => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-path-'))
    const others = ['ip', 'tc', 'nft', 'nsenter', 'umount'].filter((name) => name !== tool)
    for (const name of others) writeFileSync(join(folder, name), '', { mode: 0o755 })
    const program = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, 'lab.ts'))}
      await Lab.create({ nodes: 1 }).catch((error) => console.log(error.message))`
    const isolated = ['--mount', '/bin/sh', '-c', '/bin/mount -t tmpfs none /usr/sbin && exec "$0" "$@"']
    const said = execFileSync(
      '/usr/bin/unshare',
      [...isolated, pinnedNode, '--input-type=module-typescript', '-e', program],
      { encoding: 'utf8', env: { ...process.env, PATH: folder } },
    )
    expect(said).toBe(`${tool} is missing. Install it: apt-get install -y ${debianPackage}\n`)
  })
})

/** Also false for one that has ended and whose parent has not asked for its exit code. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

/** Packets that arrived at a node's interface. */
async function received(host: Host): Promise<number> {
  const [link] = JSON.parse(await lab.run(host, ['ip', '-j', '-s', 'link', 'show', 'dev', 'eth0'])) as [
    { stats64: { rx: { packets: number } } },
  ]
  return link.stats64.rx.packets
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + guardMs
  while (!(await look())) if (performance.now() > deadline) throw new Error(`${what}: not in ${guardMs} ms`)
}
