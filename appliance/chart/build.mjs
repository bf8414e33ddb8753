// `npm run appliance:chart [-- --out DIR] [--digest sha256:…]`: the Helm chart as one archive, with the digest of the
// image it was made with, so that it can install nothing else. The same commit and image give the same bytes.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../../scripts/lib/prepare.mjs'
import { StepError, step } from '../../scripts/lib/run.mjs'
import { productVersion, sha256, sourceDate, tool } from '../image/lib.mjs'
import { settle } from '../lib/stage.mjs'

const source = join(root, 'appliance/chart/holdfast')
const digestForm = /^sha256:[0-9a-f]{64}$/

/** @returns {Promise<string>} path of the archive */
export async function buildChart({ out, work, digest, version = productVersion() }) {
  if (!digestForm.test(digest))
    throw new StepError(`"${digest}" is no digest: give sha256:… as npm run appliance:oci printed it`)
  const place = join(work, 'chart')
  rmSync(place, { recursive: true, force: true })
  const chart = join(place, 'holdfast')
  cpSync(source, chart, { recursive: true })
  change(join(chart, 'Chart.yaml'), [
    [/^version: .*$/m, `version: ${version}`],
    [/^appVersion: .*$/m, `appVersion: "${version}"`],
  ])
  change(join(chart, 'values.yaml'), [[/^ {2}digest: ""$/m, `  digest: ${digest}`]])
  const epochSeconds = sourceDate()
  settle(place, epochSeconds)
  mkdirSync(out, { recursive: true })
  const file = join(out, `holdfast-chart-${version}.tgz`)
  const archive = join(place, 'chart.tar')
  const fixed = ['--sort=name', `--mtime=@${epochSeconds}`, '--owner=0', '--group=0', '--numeric-owner']
  await tool('tar', [...fixed, '--format=ustar', '-cf', archive, '-C', place, 'holdfast'])
  await tool('gzip', ['-n', '-9', '-f', archive])
  rmSync(file, { force: true })
  cpSync(`${archive}.gz`, file)
  return file
}

/** The digest of the image that a chart installs. @param {string} file the archive */
export function imageOf(file) {
  const values = execFileSync('tar', ['-xzOf', file, 'holdfast/values.yaml'], { encoding: 'utf8' })
  return /^ {2}digest: (.*)$/m.exec(values)?.[1] ?? ''
}

function change(file, replacements) {
  let text = readFileSync(file, 'utf8')
  for (const [what, by] of replacements) {
    if (!what.test(text)) throw new StepError(`${file} has no line like ${what}: correct the chart`)
    text = text.replace(what, by)
  }
  writeFileSync(file, text)
}

/** The digest of the image that was built last into the same folder. */
function digestIn(out) {
  const files = existsSync(out) ? readdirSync(out).filter((name) => name.endsWith('.oci.tar.digest')) : []
  const file = files.find((name) => name.startsWith(`holdfast_${productVersion()}_`))
  if (!file) throw new StepError('there is no image yet: run npm run appliance:oci first, or give --digest')
  return readFileSync(join(out, file), 'utf8').trim()
}

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: join(root, '.appliance/out') },
      work: { type: 'string', default: join(root, '.appliance/work') },
      digest: { type: 'string' },
    },
  })
  const digest = values.digest ?? digestIn(values.out)
  const file = await step('Packing the chart', () => buildChart({ ...values, digest }))
  console.log(`${await sha256(file)}  ${file}\nIt installs the image ${digest}`)
}
