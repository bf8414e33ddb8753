import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The admin UI of this checkout or installation; the path is the same from the source and from the bundle. */
const folder = join(import.meta.dirname, '../../../admin/out')

/** Folder of the built admin UI; null when it is not built. */
export function builtUi(): string | null {
  return existsSync(join(folder, 'index.html')) ? folder : null
}
