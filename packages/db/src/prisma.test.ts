import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { migrate } from './migrate.ts'
import { withNumbers } from './numbers.ts'
import { openDatabase } from './open.ts'
import { clusterMigrations, nodeMigrations } from './paths.ts'
import { createClusterPrisma, createNodePrisma } from './prisma.ts'
import { temporaryFolder } from './test-folder.ts'

const packageFolder = join(import.meta.dirname, '..')

function prismaScript(...args: string[]) {
  const run = spawnSync(process.execPath, [join(packageFolder, 'scripts', 'prisma.mjs'), ...args], {
    encoding: 'utf8',
  })
  return { status: run.status, output: run.stdout + run.stderr }
}

beforeAll(() => {
  if (existsSync(join(packageFolder, 'src/generated/cluster/client.ts'))) return
  const { status, output } = prismaScript('generate')
  if (status !== 0) throw new Error(`npm run generate -w @holdfast/db failed: ${output}`)
})

describe('Prisma', () => {
  it('reads what the state machine wrote, and its BigInt columns become numbers', async () => {
    using home = temporaryFolder()
    const file = join(home.path, 'cluster.db')
    const db = openDatabase(file, { role: 'writer' })
    migrate(db, clusterMigrations)
    const at = 1_790_000_000_123
    db.prepare(
      `INSERT INTO person (id, no, name, displayName, role, createdAt, updatedAt) VALUES ('p_1', 1, 'ada', 'Ada', 'owner', ?, ?)`,
    ).run(at, at)
    const prisma = await createClusterPrisma(file)
    const [row] = await prisma.person.findMany({ include: { sessions: true } })
    expect(row?.createdAt).toBe(BigInt(at))
    expect(JSON.parse(JSON.stringify(withNumbers(row)))).toMatchObject({
      name: 'ada',
      createdAt: at,
      sessions: [],
    })
    await expect(prisma.person.delete({ where: { id: 'p_1' } })).rejects.toThrow()
    await prisma.$disconnect()
    expect(db.prepare('SELECT count(*) FROM person').pluck().get()).toBe(1)
    db.close()
  })

  it('reads node.db', async () => {
    using home = temporaryFolder()
    const file = join(home.path, 'node.db')
    const db = openDatabase(file, { role: 'writer' })
    migrate(db, nodeMigrations)
    db.prepare(`INSERT INTO node_setting VALUES ('discovery', '{}', 5)`).run()
    const prisma = await createNodePrisma(file)
    expect(withNumbers(await prisma.nodeSetting.findMany())).toEqual([
      { key: 'discovery', value: '{}', updatedAt: 5 },
    ])
    await prisma.$disconnect()
    db.close()
  })
})

describe('prisma.mjs', () => {
  it('finds no difference between the schemas and their migrations', () => {
    expect(prismaScript('drift')).toMatchObject({ status: 0 })
  })

  it('finds a difference, and writes the migration that ends it', () => {
    using home = temporaryFolder()
    for (const schema of ['cluster', 'node']) {
      cpSync(join(packageFolder, schema), join(home.path, schema), { recursive: true })
    }
    const schemaFile = join(home.path, 'node', 'schema.prisma')
    cpSync(schemaFile, `${schemaFile}.old`)
    writeFileSync(schemaFile, '\nmodel Extra {\n  id Int @id\n}\n', { flag: 'a' })
    const folder = `--folder=${home.path}`
    const drift = prismaScript('drift', folder)
    expect(drift.status).toBe(1)
    expect(drift.output).toContain('node/schema.prisma and its migrations differ')
    expect(prismaScript('migration', 'node', 'extra', folder)).toMatchObject({ status: 0 })
    expect(prismaScript('drift', folder)).toMatchObject({ status: 0 })
    mkdirSync(join(home.path, 'db'))
    const db = openDatabase(join(home.path, 'db', 'node.db'), { role: 'writer' })
    expect(migrate(db, join(home.path, 'node', 'migrations')).at(-1)).toMatch(/^\d{4}_extra$/)
    expect(db.prepare('SELECT count(*) FROM Extra').pluck().get()).toBe(0)
    db.close()
  })

  it('says how it is used', () => {
    const { status, output } = prismaScript('nonsense')
    expect(status).toBe(2)
    expect(output).toContain('usage: prisma.mjs generate | drift | migration cluster|node NAME')
  })
})
