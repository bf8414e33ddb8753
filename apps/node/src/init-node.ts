import { HoldfastError } from '@holdfast/api/contract/errors'
import { displayNameSchema, nameSchema } from '@holdfast/api/contract/names'
import { auditRowsOf, auditSegments, Core } from './core.ts'
import { openDataFolder } from './data-folder.ts'
import { systemClock } from './platform/clock.ts'
import { createLogger } from './platform/logger.ts'

export interface InitOptions {
  dataDir: string
  facility: string
  nodeName: string
  admin: string
  adminPassword: string
  displayName?: string
}

/**
 * Makes a facility in an empty data folder, without serving it.
 * @throws HoldfastError `already-set-up`, `weak-password`, `bad-request`; the data folder's errors
 */
export async function initNode(
  options: InitOptions,
): Promise<{ nodeId: string; caFingerprint: string; recoveryCodes: string[] }> {
  const facility = checked(displayNameSchema, options.facility, 'facility')
  const nodeName = checked(nameSchema, options.nodeName, 'node')
  const owner = checked(nameSchema, options.admin, 'admin')
  const displayName = checked(displayNameSchema, options.displayName ?? options.admin, 'display name')
  const logger = createLogger({ level: 'warn' })
  const folder = await openDataFolder({
    dataDir: options.dataDir,
    facility,
    nodeName,
    publicNames: [],
    clock: systemClock,
  })
  const core = new Core(folder, logger)
  const segments = auditSegments(core)
  try {
    await core.start((commit) => segments.append(auditRowsOf(commit)))
    await segments.start()
    const setup = core.setup(() => {})
    if (setup.setUp)
      throw new HoldfastError(
        'already-set-up',
        `${folder.path} holds the facility ${core.directory.setting('facility', '')} already: serve it, or choose an empty folder.`,
      )
    const { recoveryCodes } = await setup.create({
      facility,
      nodeName,
      owner,
      displayName,
      password: options.adminPassword,
    })
    return { nodeId: folder.identity.nodeId, caFingerprint: folder.caFingerprint.colons, recoveryCodes }
  } finally {
    await segments[Symbol.asyncDispose]()
    await core.stop()
  }
}

function checked(schema: typeof displayNameSchema | typeof nameSchema, value: string, what: string): string {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HoldfastError(
    'bad-request',
    `The ${what} name ${JSON.stringify(value)} cannot be used: ${parsed.error.issues[0]?.message}.`,
  )
}
