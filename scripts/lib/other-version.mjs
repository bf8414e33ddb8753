// The daemon as another version would be, for tests of clusters whose nodes are not all the same: made from these sources with
// another version number, without a command that did not exist yet, or with one that came with that version.
import { readFileSync } from 'node:fs'

const handlers = /apps\/node\/src\/state\/handlers\.ts$/
const manifest = /apps\/node\/package\.json$/
const laterTable = 'const later: Readonly<Partial<Record<ControlName, string>>> = {'
const handlerTable = '} as unknown as Record<string, Handler<unknown>>'

/**
 * A plugin of esbuild.
 * @param options.version of the daemon
 * @param options.without a command that it does not know
 * @param options.since a command that came with it
 */
export function otherVersion({ version, without, since }) {
  return {
    name: 'other-version',
    setup(build) {
      build.onLoad({ filter: manifest }, ({ path }) => ({
        contents: JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), version }),
        loader: 'json',
      }))
      build.onLoad({ filter: handlers }, ({ path }) => {
        let contents = readFileSync(path, 'utf8')
        if (without)
          contents = replaced(
            contents,
            handlerTable,
            `${handlerTable}\ndelete (handlers as Record<string, unknown>)['${without}']`,
          )
        if (since) contents = replaced(contents, laterTable, `${laterTable} '${since}': '${version}',`)
        return { contents, loader: 'ts' }
      })
    },
  }
}

function replaced(text, from, to) {
  if (!text.includes(from)) throw new Error(`handlers.ts has changed: "${from}" is not in it`)
  return text.replace(from, to)
}
