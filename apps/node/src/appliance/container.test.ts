import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BundleError } from './bundle-errors.ts'
import { noteRefusal } from './container.ts'
import { appliancePaths } from './paths.ts'
import { UpdateJournal } from './update-state.ts'

test('a refused bundle is in the history of the node, and that nothing could be judged is not', async () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-container-'))
  try {
    const paths = appliancePaths(home)
    mkdirSync(paths.node, { recursive: true })
    writeFileSync(join(paths.node, 'cluster.db'), '')
    await noteRefusal(paths, paths.node, new BundleError('no-release-root', 'There is no certificate.'))
    await noteRefusal(paths, undefined, new BundleError('foreign-signature', 'Not here.'))
    await noteRefusal(paths, paths.node, new BundleError('foreign-signature', 'It is not signed.'))
    const told = new UpdateJournal(paths.update).history()
    expect(told).toMatchObject([{ phase: 'refused', reason: 'It is not signed.', by: 'command line' }])
  } finally {
    rmSync(home, { recursive: true })
  }
})
