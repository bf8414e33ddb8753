// `npm run bench -- appliance`: what is carried to a facility and how long it takes: sizes, the build, a first start under
// emulation, an update until it is confirmed. Needs root, for the build; `--keep` measures the image that is there.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { built, out, root } from '../appliance/test/built.ts'
import { readConsole, setUp, untilReady } from '../appliance/test/node-over-https.ts'
import { makeStick } from '../appliance/test/sticks.ts'
import { overlayOf, Vm } from '../appliance/test/vm.ts'
import { BenchError } from './lib/bench-error.ts'
import { describeMachine } from './lib/machine.ts'
import { printMachine, printTable, writeReport } from './lib/report.ts'

/** Hang guards for a machine under emulation on busy cores. */
const bootSeconds = 1800
const megabyte = 1_000_000

const options = parseArgs({ options: { keep: { type: 'boolean', default: false } } }).values

interface Figure {
  what: string
  value: number
  unit: 'MB' | 's'
  /** The most it may be. */
  limit: number
}

/** @returns seconds that a script of the repository took */
function timed(script: string, ...args: string[]): number {
  const startedAt = performance.now()
  execFileSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return (performance.now() - startedAt) / 1000
}

async function starts(folder: string): Promise<{ readySeconds: number; updateSeconds: number }> {
  timed('appliance/test/make-release.mjs', '99.0.0', folder)
  const stick = makeStick(join(folder, 'stick.img'), 'HF-UPDATE', [join(folder, 'holdfast-99.0.0.raucb')])
  await using vm = await Vm.start({
    name: 'bench',
    folder,
    disk: overlayOf(built('.raw'), join(folder, 'disk.qcow2')),
  })
  const seen = await readConsole(vm, bootSeconds)
  const readySeconds = await untilReady(vm, bootSeconds)
  await setUp(vm, seen)
  await vm.says(/HEALTH-OK/, bootSeconds)
  await vm.powerOn({ sticks: [stick] })
  await vm.says(/UPDATE-INSTALL /, bootSeconds)
  const asked = vm.seconds
  await vm.says(/UPDATE-CONFIRMED/, bootSeconds)
  return { readySeconds, updateSeconds: vm.seconds - asked }
}

if (process.getuid?.() !== 0) throw new BenchError('the image is built by root: run this as root')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-appliance-'))
try {
  const machine = describeMachine(folder)
  printMachine(machine)
  const buildSeconds = options.keep ? null : timed('scripts/appliance.mjs', 'image')
  const size = (file: string) => statSync(file).size / megabyte
  const { readySeconds, updateSeconds } = await starts(folder)
  const oci = existsSync(out) ? readdirSync(out).find((name) => name.endsWith('.oci.tar')) : undefined
  const figures: Figure[] = [
    { what: 'root file system, packed', value: size(built('.squashfs')), unit: 'MB', limit: 260 },
    ...(oci
      ? [{ what: 'container image', value: size(join(out, oci)), unit: 'MB' as const, limit: 200 }]
      : []),
    ...(buildSeconds === null
      ? []
      : [{ what: 'image build', value: buildSeconds, unit: 's' as const, limit: 240 }]),
    { what: 'BIOS start to readyz, emulated, 1 GB', value: readySeconds, unit: 's', limit: 75 },
    { what: 'update, from reading it to confirmed', value: updateSeconds, unit: 's', limit: 180 },
  ]
  printTable('The appliance', figures, [
    { title: 'what', value: ({ what }) => what },
    { title: 'measured', value: ({ value, unit }) => `${value.toFixed(1)} ${unit}` },
    { title: 'at most', value: ({ limit, unit }) => `${limit} ${unit}` },
  ])
  if (!oci) console.log('The container image is not there to be measured: npm run appliance:oci makes it.')
  writeReport('appliance', { machine, figures })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
