/**
 * Where a worker thread's code is: beside the module that starts it, as source while developing and as one file of the
 * bundle otherwise.
 */
export function threadUrl(name: string, moduleUrl: string): URL {
  return new URL(`./${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.mjs'}`, moduleUrl)
}
