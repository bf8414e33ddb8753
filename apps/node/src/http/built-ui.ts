import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where the admin UI is: in the checkout, the same from the source and from the bundle; in an installation. */
const folders = ['../../../admin/out', '../../ui'].map((path) => join(import.meta.dirname, path))

/** Folder of the built admin UI; null when it is not built. */
export function builtUi(): string | null {
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? null
}
