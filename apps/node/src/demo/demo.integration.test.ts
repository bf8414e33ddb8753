import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '@holdfast/api/client/api'
import { login } from '@holdfast/api/client/login'
import { connectNode, createNodeFetch, fetchUntrustedCa } from '@holdfast/api/client/node'
import { idSchema } from '@holdfast/api/contract/names'
import { afterAll, expect, it } from 'vitest'
import { runDemo } from './demo.ts'
import { channels, demoPassword, facilityName, groups, ownerName, people } from './facility.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function visit(dataDir: string, keep = false) {
  const troubles: string[] = []
  const demo = await runDemo({
    dataDir,
    port: 0,
    keep,
    onTrouble: (error) => troubles.push(error.message),
  })
  const { url } = demo
  const ca = await fetchUntrustedCa(url)
  const fetch = createNodeFetch({ ca })
  const { token } = await login({ urls: [url], name: ownerName, password: demoPassword, fetch })
  const api = createApi({ urls: [url], token, fetch })
  return {
    api,
    troubles,
    /** Resolves with the first text that one of the simulated people sends. */
    firstText: async () => {
      const client = connectNode({ urls: [url], token, ca, program: 'demo test' })
      for await (const entry of client.entries()) {
        if (entry.kind !== 'text') continue
        client.close()
        return entry
      }
      throw new Error('The client was closed before anybody said anything.')
    },
    [Symbol.asyncDispose]: async () => {
      fetch[Symbol.dispose]()
      await demo.stop('the test is over')
    },
  }
}

it('fills a facility with a past that is whole, and people go on talking in it; --keep goes on', async () => {
  const dataDir = join(folder, 'whole')
  {
    await using demo = await visit(dataDir)
    const { api } = demo
    const status = await api.overview.status.query()
    expect(status).toMatchObject({ facility: facilityName, people: people.length })
    expect(status.messages).toBeGreaterThan(1500)
    expect(status.devices).toEqual({ approved: 20, pending: 3 })
    expect((await api.devices.list.query({ status: 'revoked' })).total).toBe(3)
    expect((await api.groups.list.query({})).total).toBe(groups.length)
    expect((await api.channels.listAll.query({})).total).toBe(channels.length)
    expect(await api.settings.node.query()).toMatchObject({ discovery: { enabled: false } })

    const traffic = (await api.channels.list.query({ text: 'traffic' })).rows[0]
    const { entries } = await api.messages.page.query({ channel: traffic?.id ?? '', after: 0, limit: 200 })
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, i) => i + 1))
    const times = entries.map((entry) => entry.at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(Date.now() - (times[0] ?? 0)).toBeGreaterThan(7 * 86_400_000)
    expect(new Set(entries.map((entry) => entry.kind))).toContain('edit')

    const said = await demo.firstText()
    expect(said.from).not.toBe((await api.auth.me.query()).personId)
    const events = await api.audit.search.query({ limit: 500 })
    expect(events.rows.filter((event) => !Number.isSafeInteger(event.at))).toEqual([])
    const oldest = await api.audit.search.query({ limit: 500, offset: events.total - 500 })
    expect(oldest.rows.at(-1)).toMatchObject({ seq: 1, action: 'facility.created' })
    const devices = await api.devices.list.query({ limit: 100 })
    const strangeIds = devices.rows.filter((device) => !idSchema.safeParse(device.id).success)
    expect(strangeIds).toEqual([])

    expect(await api.audit.verify.mutate()).toMatchObject({ ok: true, faults: [] })
    expect(demo.troubles).toEqual([])
  }
  await using again = await visit(dataDir, true)
  const { rows } = await again.api.audit.search.query({ action: 'audit.verified' })
  expect(rows).toHaveLength(1)
  await again.firstText()
})

it('does not touch a folder that holds something else', async () => {
  const dataDir = mkdtempSync(join(folder, 'other-'))
  writeFileSync(join(dataDir, 'thesis.txt'), 'years of work')
  await expect(visit(dataDir)).rejects.toThrow('holds something else than a demo')
})
