import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../lib/child.ts'
import { missingPackages, packageVersion } from '../lib/debian.ts'
import { accepts, type Certificate, freePort, loopback, makeCertificate } from '../lib/network.ts'
import { countRows, describeJournal, type JournalMode, prepareDatabase } from './archive.ts'
import { makeRooms, type System } from './system.ts'

const roomAddress = (room: number): string => `room-${room}@conference.localhost`

/** Debian's Prosody: multi-user chat whose archive (mod_muc_mam) is in SQLite, over TLS, without rate limits. */
function make(name: string, journalMode: JournalMode): System {
  const journal = describeJournal[journalMode]
  return {
    name,
    setup: `Debian's package, muc + muc_mam + storage sql in SQLite, direct TLS, no limits, ${journal}`,
    missing: () => missingPackages(['prosody', 'lua-dbi-sqlite3', 'lua-sec']),
    version: () => packageVersion('prosody') ?? '',

    async start(directory, sizes) {
      const port = await freePort()
      const dataDirectory = join(directory, 'data')
      const databaseFile = join(directory, 'prosody.db')
      const configFile = join(directory, 'prosody.cfg.lua')
      mkdirSync(dataDirectory)
      prepareDatabase(databaseFile, { journalMode })
      const certificate = makeCertificate(directory)
      writeFileSync(configFile, configuration({ port, dataDirectory, databaseFile, certificate }))

      const rooms = makeRooms(sizes, { address: roomAddress, secret: () => randomBytes(12).toString('hex') })
      for (const { name, secret } of rooms.flatMap((room) => room.members))
        execFileSync('prosodyctl', ['--config', configFile, 'register', name, 'localhost', secret], {
          stdio: 'ignore',
        })
      const server = new ServerProcess({
        command: 'prosody',
        args: ['--config', configFile, '-F'],
        logFile: join(directory, 'server.log'),
      })
      await server.waitUntil(() => accepts(port))
      return {
        pid: server.pid,
        endpoint: { protocol: 'xmpp', port },
        rooms,
        archivedRows: () =>
          countRows(databaseFile, `SELECT COUNT(*) FROM prosodyarchive WHERE store = 'muc_log'`),
        [Symbol.asyncDispose]: () => server.stop(),
      }
    },
  }
}

export const prosody = make('prosody', 'DELETE')
export const prosodyTuned = make('prosody-wal', 'WAL')

function configuration(options: {
  port: number
  dataDirectory: string
  databaseFile: string
  certificate: Certificate
}): string {
  return `
run_as_root = true -- only matters where the bench itself runs as root
data_path = "${options.dataDirectory}"
modules_enabled = { "disco"; "ping"; "posix"; "roster"; "saslauth"; "smacks"; "tls" }
modules_disabled = { "s2s" }
interfaces = { "${loopback}" }
c2s_ports = {}
c2s_direct_tls_ports = { ${options.port} }
ssl = { key = "${options.certificate.keyFile}"; certificate = "${options.certificate.certificateFile}" }
c2s_direct_tls_ssl = ssl
authentication = "internal_hashed"
storage = "sql"
sql = { driver = "SQLite3"; database = "${options.databaseFile}" }
log = { warn = "*console" }
VirtualHost "localhost"
Component "conference.localhost" "muc"
  modules_enabled = { "muc_mam" }
  muc_room_locking = false
  muc_room_default_persistent = true
`
}
