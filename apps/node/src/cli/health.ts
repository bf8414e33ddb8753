import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { Command } from 'commander'
import { type ConfigInput, configSchema } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { fromText, loadConfig } from '../config/load-config.ts'
import { trustPaths } from '../trust/files.ts'
import { print } from './output.ts'
import { exitCodes } from './run.ts'

/** A node that takes longer is not healthy; orchestrators ask again. */
const answerTimeoutMs = 5_000
/** The answer of /readyz is one short line. */
const maxAnswerBytes = 10_000

interface Answer {
  status: number
  body: string
}

export function healthCommand(): Command {
  return new Command('health')
    .option('--data <dir>', "the node's data folder, whose CA the answer is checked with")
    .option('--port <port>', `HTTPS port of the node; default ${configSchema.shape.port.parse(undefined)}`)
    .addHelpText(
      'after',
      '\nFor containers, service managers and scripts. Exit code 0 when the node serves, 1 when it does not.\nRun it as the user of the node, who may read its data folder.',
    )
    .action(health)
}

async function health(flags: { data?: string; port?: string }): Promise<void> {
  const given: ConfigInput = {}
  if (flags.data !== undefined) given.dataDir = flags.data
  if (flags.port !== undefined) Object.assign(given, { port: fromText('port', flags.port) })
  const { dataDir, host, port } = await loadConfig({
    flags: given,
    variables: readEnvironment().holdfast,
  })
  const ca = await readAuthority(trustPaths(dataDir).authority)
  const { status, body } = await ask(loopback(host), port, ca)
  const { ready, reason } = readiness(body)
  if (status === 200 && ready) return print('The node serves.')
  print(`The node does not serve: ${reason ?? `it answered with status ${status}`}.`)
  process.exitCode = exitCodes.refused
}

/** By number: not every machine can resolve the name. A node that listens on one address only is asked there. */
function loopback(host: string): string {
  return host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host
}

async function readAuthority(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw new Error(`There is no ${path}: name the folder of a node that has started before with --data.`)
    throw new Error(`${path} cannot be read (${code}): run this as the user of the node.`)
  }
  // The file may also hold the authority's key, which is of no use here.
  const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(text)?.[0]
  if (certificate === undefined) throw new Error(`${path} holds no certificate: run "holdfast doctor".`)
  return certificate
}

function ask(host: string, port: number, ca: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new Error(`The node does not answer on ${host} port ${port} (${why}): see its log, or start it.`),
      )
    const asked = request({ host, port, ca, path: '/readyz', agent: false }, (answer) => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (text: string) => {
        body = (body + text).slice(0, maxAnswerBytes)
      })
      answer.on('error', (error) => fail(error.message))
      answer.on('end', () => {
        clearTimeout(guard)
        resolve({ status: answer.statusCode ?? 0, body })
      })
    })
    // Over the whole exchange: a socket that trickles never idles.
    const guard = setTimeout(() => asked.destroy(new Error('no answer in time')), answerTimeoutMs)
    asked.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(guard)
      fail(error.code ?? error.message)
    })
    asked.end()
  })
}

function readiness(body: string): { ready: boolean; reason: string | null } {
  try {
    const answer = JSON.parse(body) as { ready?: unknown; reason?: unknown }
    return {
      ready: answer.ready === true,
      reason: typeof answer.reason === 'string' ? answer.reason : null,
    }
  } catch {
    return { ready: false, reason: null }
  }
}
