// What every step of the image build shares.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { root } from '../../scripts/lib/prepare.mjs'
import { must } from '../../scripts/lib/run.mjs'

export const here = join(root, 'appliance/image')
export const product = 'holdfast'
/** What a bundle must name to be taken by this kind of machine; also in RAUC's system.conf. */
export const compatible = 'holdfast-x86_64'
/** Builds outside a git checkout get this date: the first of January 2026. */
const dateWithoutGit = 1_767_225_600

/** Version of the product, from package.json. */
export function productVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}

/** Date of everything in the image, in seconds: of the newest commit, or of SOURCE_DATE_EPOCH. */
export function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given && /^\d+$/.test(given)) return Number(given)
  if (!existsSync(join(root, '.git'))) return dateWithoutGit
  return Number(execFileSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim())
}

/** Lines of a list file without comments. */
export function listOf(name) {
  return readFileSync(join(here, name), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** Runs a tool of the build; its output is shown when it fails. */
export function tool(command, args, { env = {}, cwd = root } = {}) {
  return must(command, args, {
    cwd,
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      LC_ALL: 'C.UTF-8',
      ...env,
    },
    advice: 'the output above says why',
  })
}

/** SHA-256 of a file, hex. */
export async function sha256(file) {
  const sum = createHash('sha256')
  await pipeline(createReadStream(file), sum)
  return sum.digest('hex')
}
