/** Takes parts out of a bundle, for machines that cannot replace what runs: containers, registries, other people's tools. */
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import type { Bundle, BundleContents } from '../appliance/bundle.ts'
import { readEnvironment } from '../config/env.ts'
import { UsageError } from './errors.ts'
import { print, printJson } from './output.ts'
import { unpackRefusal, writeRefusal } from './update-refusals.ts'

const kinds = ['oci', 'chart', 'deb', 'image', 'sbom', 'notes'] as const
type Kind = (typeof kinds)[number]
const engines = ['podman', 'docker'] as const
type Engine = (typeof engines)[number]
/** Loading on a slow disk. */
const loadTimeoutMs = 10 * 60_000
const others = 0o644

interface Flags {
  to: string
  kind: string[]
  load?: string
  releaseRoot?: string
  json?: boolean
}

interface Unpacked {
  kind: Kind
  file: string
  sha256: string
}

export function unpackCommand(): Command {
  return new Command('unpack')
    .description('check a bundle and take parts out of it, such as the container image')
    .argument('<bundle>', 'file of the bundle')
    .requiredOption('--to <folder>', 'folder for the files')
    .option('--kind <kinds...>', `what to take, named after the file of the bundle: ${kinds.join(', ')}`, [
      'oci',
    ])
    .option('--load <engine>', `load the container image into ${engines.join(' or ')}`)
    .option(
      '--release-root <file>',
      'certificate of the vendor, where this program was not installed by the vendor',
    )
    .option('--json', 'print JSON, one value per line')
    .action(unpack)
}

async function unpack(file: string, flags: Flags): Promise<void> {
  const wanted = chosen(flags.kind, kinds, '--kind')
  const [engine] = flags.load === undefined ? [] : chosen([flags.load], engines, '--load')
  if (engine !== undefined && !wanted.includes('oci'))
    throw new UsageError('--load loads the container image: add oci to --kind, or leave --load out.')
  const { appliancePaths } = await import('../appliance/paths.ts')
  const { readBundle } = await import('../appliance/bundle.ts')
  const paths = appliancePaths()
  const { noteRefusal, refuseStep } = await import('../appliance/container.ts')
  let unpacked: Unpacked[]
  let bundle: Bundle
  try {
    bundle = await readBundle(resolve(file), flags.releaseRoot ?? paths.releaseRoot)
    refuseStep(bundle, paths)
    unpacked = await takeOut(bundle, wanted, resolve(flags.to))
  } catch (error) {
    await noteRefusal(paths, readEnvironment().holdfast.HOLDFAST_DATA, error)
    throw unpackRefusal(error, flags.releaseRoot)
  }
  for (const each of unpacked) flags.json ? printJson(each) : print(`${each.sha256}  ${each.file}`)
  const image = unpacked.find(({ kind }) => kind === 'oci')
  if (image === undefined) return
  if (engine !== undefined) {
    const { runTool } = await import('../appliance/tools.ts')
    // The engine finds the user's own storage, or its service, by his variables.
    const env = readEnvironment().inherited
    print((await runTool(engine, ['load', '--input', image.file], { timeoutMs: loadTimeoutMs, env })).trim())
  }
  const chart = unpacked.find(({ kind }) => kind === 'chart')?.file ?? null
  const steps = { version: bundle.version, image: image.file, chart, loaded: engine ?? null }
  if (!flags.json) for (const line of nextSteps(steps)) print(line)
}

function chosen<T extends string>(given: readonly string[], known: readonly T[], flag: string): T[] {
  return given.map((name) => {
    const found = known.find((each) => each === name)
    if (found === undefined)
      throw new UsageError(`${flag} ${name} is not known: give some of ${known.join(', ')}.`)
    return found
  })
}

async function takeOut(bundle: Bundle, wanted: readonly Kind[], folder: string): Promise<Unpacked[]> {
  const { extractArtefact } = await import('../appliance/bundle.ts')
  const { BundleError } = await import('../appliance/bundle-errors.ts')
  const { freeBytesAt } = await import('../appliance/preflight.ts')
  const { debianArchitecture } = await import('../appliance/release.ts')
  const fits = ({ arch }: BundleContents['artefacts'][number]) => arch === null || arch === debianArchitecture
  const artefacts = wanted.map((kind) => {
    const found = bundle.contents.artefacts.find((each) => each.kind === kind && fits(each))
    if (found === undefined)
      throw new BundleError(
        'wrong-machine',
        `The bundle holds no ${kind} for this machine (${debianArchitecture}).`,
      )
    return found
  })
  makeFolder(folder)
  const needed = artefacts.reduce((sum, { bytes }) => sum + bytes, 0)
  if (freeBytesAt(folder) < needed)
    throw new BundleError('preflight', `${folder} has no room for ${needed} bytes; give another folder.`)
  const unpacked: Unpacked[] = []
  for (const artefact of artefacts) {
    const to = join(folder, artefact.name)
    try {
      await extractArtefact(bundle, artefact, `${to}.half`, others)
      renameSync(`${to}.half`, to)
    } catch (error) {
      throw writeRefusal(error, to)
    }
    unpacked.push({ kind: artefact.kind, file: to, sha256: artefact.sha256 })
  }
  return unpacked
}

/** Not the folders around it: Node's recursive mkdir never ends where the kernel takes none, such as in /proc. */
function makeFolder(folder: string): void {
  try {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    mkdirSync(folder)
  } catch (error) {
    throw writeRefusal(error, folder)
  }
}

/** A container cannot replace itself: whoever runs it does. @param steps.chart the Helm chart, for whoever asked for it */
function nextSteps(steps: {
  version: string
  image: string
  chart: string | null
  loaded: Engine | null
}): string[] {
  const { version, image, chart, loaded } = steps
  if (chart !== null)
    return [
      '',
      'After a backup, when every pod is ready and holdfast cluster status shows all voters:',
      `  load ${image} on every machine, or push it to the registry of the site`,
      `  helm upgrade holdfast ${chart} -n holdfast --reset-then-reuse-values`,
    ]
  return [
    '',
    'A container cannot replace itself. After a backup, on the machine that runs it:',
    ...(loaded === null
      ? [`  podman load -i ${image}        # or docker load -i, or push it to the registry of the site`]
      : []),
    `  HOLDFAST_VERSION=${version}     # this line into the file .env beside the compose file, in place of the old one`,
    '  docker compose up -d       # in a cluster one node after the other, each when holdfast cluster status shows all voters',
    '  docker compose exec holdfast holdfast health',
    'The old image stays. Not healthy, and no client has written yet: put the old line back, start that version, and restore the',
    'backup if it says that its database is newer.',
  ]
}
