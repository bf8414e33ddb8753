import { messagesSearch } from '@holdfast/api/contract/inputs'
import type { Command } from 'commander'
import { integer, matching } from './arguments.ts'
import { bold, dateTime, dim, note, print, printable, printJson } from './output.ts'
import { openRemote, type RemoteFlags, remoteCommand } from './remote.ts'
import { findChannel, findPerson } from './resolve.ts'

interface SearchFlags extends RemoteFlags {
  channel?: string
  from?: string
  limit: number
}

const limitMax = 100
const limitDefault = 30

export function searchCommand(): Command {
  return remoteCommand('search')
    .argument('<text>', 'words to look for', matching(messagesSearch.shape.text))
    .option('--channel <channel>', 'only in this channel')
    .option('--from <person>', 'only from this person')
    .option('--limit <n>', 'at most so many', integer(1, limitMax), limitDefault)
    .action(search)
}

async function search(text: string, flags: SearchFlags): Promise<void> {
  await using remote = await openRemote(flags)
  const { api } = remote
  const { hits, more, lag } = await api.messages.search.query({
    text,
    limit: flags.limit,
    ...(flags.channel === undefined ? {} : { channel: (await findChannel(api, flags.channel)).id }),
    ...(flags.from === undefined ? {} : { from: (await findPerson(api, flags.from)).id }),
  })
  for (const hit of hits) {
    if (flags.json) printJson(hit)
    else
      print(
        `${bold(printable(hit.channelTitle))} ${dim(`${hit.seq}  ${dateTime(hit.at)}`)}  ${printable(hit.fromName)}: ${marked(hit.snippet)}`,
      )
  }
  if (hits.length === 0 && !flags.json) print('Nothing was found.')
  if (more) note('There is more: narrow the search, or raise --limit.')
  if (lag > 0) note(`The ${lag} newest entries are not searchable yet.`)
}

/** The hits stand between U+2068 and U+2069. */
function marked(snippet: string): string {
  const [before = '', ...hits] = snippet.replaceAll('\n', ' ').split('\u2068')
  const rest = hits.map((part) => {
    const [hit = '', ...after] = part.split('\u2069')
    return bold(printable(hit)) + printable(after.join(''))
  })
  return printable(before) + rest.join('')
}
