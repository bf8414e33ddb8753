// Brings a checkout into the state in which it runs: packages, etcd, database clients, admin UI. Each part is made only
// when its sources changed, so that asking again costs milliseconds.
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installEtcd } from './etcd.mjs'
import { fingerprint, Stamp } from './fingerprint.mjs'
import { must, StepError, step } from './run.mjs'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const binFolder = join(root, 'node_modules/.bin')
/**
 * The pinned Node, which a package for this kind of machine brings. Its link in .bin cannot be relied on: npm 9 removes
 * it together with the package for the other kind.
 */
export const pinnedNode = join(root, `node_modules/node-linux-${process.arch}/bin/node`)

/** The environment for tools of the workspace: the pinned Node first, no reports to their makers. */
export function toolEnv() {
  const env = {
    ...process.env,
    PATH: [dirname(pinnedNode), binFolder, process.env.PATH].join(delimiter),
    NEXT_TELEMETRY_DISABLED: '1',
    CHECKPOINT_DISABLE: '1',
  }
  // Next refuses to build for production when this says otherwise.
  delete env.NODE_ENV
  return env
}

/**
 * Makes whatever is missing or outdated.
 * @param options.admin build the admin UI too
 * @param options.etcd whether there must be an etcd; otherwise a line says what a node cannot do without it
 */
export async function prepare({ admin = true, etcd = false } = {}) {
  await installPackages()
  await installEtcd(root, { required: etcd })
  await generateClients()
  await bundleDaemon()
  if (admin) await buildAdmin()
}

export async function installPackages() {
  if (packagesCurrent()) return
  await step('Installing packages (a minute or two, once)', () =>
    // Packages that only builds and tests need are wanted too, whatever NODE_ENV or npm's settings say.
    must('npm', ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'], {
      cwd: root,
      env: npmEnv(),
      advice: 'see that npm reaches its registry (npm ping), then run this again',
    }),
  )
  if (!existsSync(pinnedNode)) {
    throw new StepError(
      `npm brought no Node for ${process.platform}-${process.arch}: Holdfast runs on linux-x64 and linux-arm64`,
    )
  }
}

/**
 * npm writes node_modules/.package-lock.json last: when it names every package of package-lock.json in the same
 * version, the packages are there, whoever installed them.
 */
function packagesCurrent() {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'))
  if (!wanted) throw new StepError(`package-lock.json is missing in ${root}: check the file out again`)
  if (!installed || !existsSync(pinnedNode)) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const there = installed[path]
    // Packages for other kinds of machine are left out by npm.
    if (!there) return entry.optional === true
    return there.version === entry.version && there.integrity === entry.integrity
  })
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? null
  } catch {
    return null
  }
}

/** npm must not run on the Node that it is about to replace. */
function npmEnv() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => entry !== binFolder && entry !== dirname(pinnedNode))
  return { ...process.env, PATH: path.join(delimiter) }
}

async function generateClients() {
  const database = join(root, 'packages/db')
  await whenChanged({
    name: 'database-clients',
    sources: [
      'packages/db/cluster/schema.prisma',
      'packages/db/node/schema.prisma',
      'packages/db/package.json',
    ],
    results: ['packages/db/src/generated/cluster/client.ts', 'packages/db/src/generated/node/client.ts'],
    title: 'Generating database clients',
    work: () =>
      must(pinnedNode, ['scripts/prisma.mjs', 'generate'], {
        cwd: database,
        env: toolEnv(),
        advice: 'correct the schema that the message names, then run this again',
      }),
  })
}

async function bundleDaemon() {
  await whenChanged({
    name: 'daemon',
    sources: [
      'apps/node/src',
      'apps/node/package.json',
      'packages/api',
      'packages/db',
      'package-lock.json',
      'scripts/lib/bundle.mjs',
    ],
    results: ['apps/node/dist/bundle/main.mjs'],
    title: 'Bundling the daemon',
    work: () =>
      must(pinnedNode, ['scripts/lib/bundle.mjs', root], {
        cwd: root,
        env: toolEnv(),
        advice: 'correct what the message names, then run this again',
      }),
  })
}

async function buildAdmin() {
  await whenChanged({
    name: 'admin',
    sources: ['apps/admin', 'packages/api', 'package-lock.json', 'tsconfig.base.json'],
    results: ['apps/admin/out/index.html'],
    title: 'Building the admin UI',
    work: (sum) =>
      must('npm', ['run', 'build', '--workspace', '@holdfast/admin'], {
        cwd: root,
        // The same sources make the same files: Next would draw a name for each build.
        env: { ...toolEnv(), HOLDFAST_BUILD_ID: sum.slice(0, 20) },
        advice: 'correct what the message names, then run this again',
      }),
  })
}

async function whenChanged({ name, sources, results, title, work }) {
  const stamp = new Stamp(root, name)
  const sum = fingerprint(root, sources)
  if (stamp.matches(sum) && results.every((path) => existsSync(join(root, path)))) return
  stamp.clear()
  await step(title, () => work(sum))
  stamp.write(sum)
}
