import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { repoRoot, sourceFiles } from './source-files.ts'

/** Where events are written: the handlers, and what notes refusals and failed logins. */
const writers = /^apps\/node\/src\/services\/[a-z]+\/(commands|security-events)\.ts$/

it('every event of the audit log has its words on the Audit page and its row in the documentation', () => {
  const written = new Set(
    sourceFiles()
      .filter(({ path }) => writers.test(path))
      .flatMap(({ text }) =>
        [...text.matchAll(/\baction: '([a-z]+\.[a-z-]+)'/g)].map(([, action]) => action),
      ),
  )
  expect(written.size).toBeGreaterThan(30)
  const page = readFileSync(join(repoRoot, 'apps/admin/features/audit/action-text.ts'), 'utf8')
  const manual = readFileSync(join(repoRoot, 'docs/concepts/audit.md'), 'utf8')
  const lacking = [...written].flatMap((action = '') => {
    const [area = '', verb = ''] = action.split('.')
    const row = manual.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${area}.`)) ?? ''
    return [
      ...(page.includes(`'${action}': {`) ? [] : [`${action} has no words`]),
      ...(page.includes(`prefix: '${area}.'`) ? [] : [`${area} has no filter`]),
      ...(row.includes(`.${verb}\``) || row.includes(`-${verb.replace(/^rollout-/, '')}\``)
        ? []
        : [`${action} is not documented`]),
    ]
  })
  expect(lacking).toEqual([])
})
