import { networkInterfaces } from 'node:os'
import { Command } from 'commander'
import { type ConfigInput, type ConfigKey, configKeys, configSchema, flagName } from '../config/config.ts'
import { fromText } from '../config/load-config.ts'
import { note } from './output.ts'
import { exitCodes } from './run.ts'

/** Conventional exit codes of a process ended by a signal: 128 + its number. */
const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const

export function serveCommand(): Command {
  const command = new Command('serve').addHelpText(
    'after',
    '\nEvery setting also comes from the file holdfast.json in the data folder and from variables: docs/reference/settings.md.\nSIGTERM and SIGINT stop the node in order; a second one ends it at once.',
  )
  for (const key of configKeys) {
    const text = configSchema.shape[key].description ?? ''
    command.option(`${flagName(key)} <${valueName(key)}>`, text.replaceAll('`', ''))
  }
  return command.action(serve)
}

function valueName(key: ConfigKey): string {
  if (/(Dir|File)$/.test(key)) return key.endsWith('Dir') ? 'dir' : 'file'
  return key.endsWith('Ms') ? 'ms' : 'value'
}

/** Flags as commander names them, back to settings: `data` is `dataDir`. */
function settingsOf(flags: Record<string, string | undefined>): ConfigInput {
  const input: Record<string, unknown> = {}
  for (const key of configKeys) {
    const name = flagName(key)
      .slice(2)
      .replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const text = flags[name]
    if (text !== undefined) input[key] = fromText(key, text)
  }
  return input as ConfigInput
}

async function serve(flags: Record<string, string | undefined>): Promise<void> {
  const { serveNode } = await import('../serve-node.ts')
  const node = await serveNode(settingsOf(flags))
  const lines = [`Holdfast serves ${node.url}`]
  const others = otherAddresses(node.host)
    .map((host) => `https://${host}:${node.port}`)
    .filter((url) => url !== node.url)
  if (others.length > 0) lines.push(`  Also at         ${others.join(' ')}`)
  lines.push(`  CA fingerprint  ${node.caFingerprint}`)
  if (node.setupCode !== null)
    lines.push(
      `  Set-up code     ${node.setupCode}`,
      `  Open the address in a browser and enter the code to set the node up.`,
    )
  // Standard output is the log's; what the person at the console reads stands beside it.
  // Whoever reads that it serves may end it at once.
  const ended = stopped(node.stop)
  note(lines.join('\n'))
  await ended
}

/** Addresses of this machine by which others reach a node that listens on `host`, for URLs. */
function otherAddresses(host: string): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    // A link-local address needs the name of the interface behind it, which no browser takes.
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
    .filter(
      ({ address, family }) => host === address || host === '::' || (host === '0.0.0.0' && family === 'IPv4'),
    )
  return addresses.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))
}

/** One Ctrl-C comes twice under npm: from the terminal to the whole group, and handed on by npm. */
const echoMs = 1000

/** Resolves when a signal has come and the node has stopped. */
export function stopped(stop: (reason: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stoppingSince: number | null = null
    const onSignal = (signal: keyof typeof signalCodes): void => {
      if (stoppingSince !== null) {
        if (performance.now() - stoppingSince < echoMs) return
        process.exit(signalCodes[signal])
      }
      stoppingSince = performance.now()
      stop(signal).then(() => {
        process.exitCode = exitCodes.done
        resolve()
      }, reject)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}
