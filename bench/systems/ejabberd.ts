import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../lib/child.ts'
import { missingPackages, packageVersion } from '../lib/debian.ts'
import { type Certificate, freePort, loopback, makeCertificate } from '../lib/network.ts'
import { countRows, describeJournal, type JournalMode, prepareDatabase } from './archive.ts'
import { makeRooms, type System } from './system.ts'

const controlScript = '/usr/sbin/ejabberdctl'
const schemaFile = '/usr/share/ejabberd/sql/lite.sql'
const roomAddress = (room: number): string => `room-${room}@conference.localhost`

/** Debian's ejabberd: multi-user chat whose archive (mod_mam) is in SQLite, over TLS, without rate limits. */
function make(name: string, journalMode: JournalMode): System {
  const journal = describeJournal[journalMode]
  return {
    name,
    setup: `Debian's package, mod_muc + mod_mam in SQLite, direct TLS, no shaper, ${journal}`,
    missing: () => missingPackages(['ejabberd', 'erlang-p1-sqlite3']),
    version: () => packageVersion('ejabberd') ?? '',

    async start(directory, sizes) {
      const [port, apiPort] = [await freePort(), await freePort()]
      const databaseFile = join(directory, 'ejabberd.db')
      const configFile = join(directory, 'ejabberd.yml')
      const certificate = makeCertificate(directory)
      writeFileSync(configFile, configuration({ port, apiPort, databaseFile, certificate }))
      prepareDatabase(databaseFile, { journalMode, schemaFile })

      const server = new ServerProcess(erlangCommand(directory, configFile))
      const command = (name: string, body: object) =>
        fetch(`http://${loopback}:${apiPort}/api/${name}`, { method: 'POST', body: JSON.stringify(body) })
      await server.waitUntil(async () => (await command('status', {})).ok)
      const rooms = makeRooms(sizes, { address: roomAddress, secret: () => randomBytes(12).toString('hex') })
      for (const { name, secret } of rooms.flatMap((room) => room.members)) {
        const answer = await command('register', { user: name, host: 'localhost', password: secret })
        if (!answer.ok) throw new Error(`ejabberd did not register ${name}: ${await answer.text()}`)
      }
      return {
        pid: server.pid,
        endpoint: { protocol: 'xmpp', port },
        rooms,
        archivedRows: () => countRows(databaseFile, 'SELECT COUNT(*) FROM archive'),
        [Symbol.asyncDispose]: () => server.stop(),
      }
    },
  }
}

export const ejabberd = make('ejabberd', 'DELETE')
export const ejabberdTuned = make('ejabberd-wal', 'WAL')

/**
 * The command that `ejabberdctl foreground` ends in, without its change of user and without Erlang distribution,
 * so that the server is a child of the bench and shares no daemon (epmd) with another one on this machine.
 */
function erlangCommand(directory: string, configFile: string) {
  const packagedLibraries = /^ERL_LIBS='(.*)'$/m.exec(readFileSync(controlScript, 'utf8'))?.[1]
  const databaseDirectory = join(directory, 'mnesia')
  mkdirSync(databaseDirectory)
  const limits = ['+K', 'true', '+P', '250000']
  return {
    command: 'erl',
    args: [...limits, '-noinput', '-mnesia', 'dir', JSON.stringify(databaseDirectory), '-s', 'ejabberd'],
    logFile: join(directory, 'server.log'),
    env: {
      ...process.env,
      HOME: directory,
      ERL_LIBS: packagedLibraries,
      ERL_CRASH_DUMP: join(directory, 'crash.dump'),
      EJABBERD_CONFIG_PATH: configFile,
      EJABBERD_LOG_PATH: join(directory, 'ejabberd.log'),
    },
  }
}

function configuration(options: {
  port: number
  apiPort: number
  databaseFile: string
  certificate: Certificate
}): string {
  return `
hosts: [localhost]
loglevel: warning
certfiles: ["${options.certificate.bothFile}"]
sql_type: sqlite
sql_database: "${options.databaseFile}"
auth_password_format: scram
listen:
  - { port: ${options.port}, ip: "${loopback}", module: ejabberd_c2s, tls: true, access: all, shaper: none, max_stanza_size: 262144 }
  - { port: ${options.apiPort}, ip: "${loopback}", module: ejabberd_http, request_handlers: { /api: mod_http_api } }
api_permissions:
  "the bench":
    who: { ip: ${loopback}/32 }
    what: [status, register]
modules:
  mod_disco: {}
  mod_http_api: {}
  mod_mam: { db_type: sql }
  mod_muc: { default_room_options: { mam: true, persistent: true } }
  mod_ping: {}
  mod_roster: {}
  mod_stream_mgmt: {}
`
}
