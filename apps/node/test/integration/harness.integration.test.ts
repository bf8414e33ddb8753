import { expect, test } from 'vitest'
import { startNode } from '../harness.ts'

test('a node starts, takes messages, stops, and knows them after a restart', async () => {
  await using node = await startNode()
  const anna = await node.newPerson({ name: 'anna' })
  const channel = await node.newChannel([anna])
  const client = await node.connect(anna)
  expect((await client.say(channel, 'hello')).seq).toBe(1)
  await client.ping()
  await node.restart()
  expect((await client.closed).code).toBe(1001)
  const again = await node.connect(anna)
  const page = await again.history(channel)
  expect(page.entries.map((entry) => entry.body)).toEqual(['hello'])
})

test('a node that nobody has set up prints its code and nothing else is open', async () => {
  await using node = await startNode({ setUp: false })
  expect(node.setupCode).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/)
  expect(await node.api().setup.state.query()).toMatchObject({ setUp: false, facility: null })
  await expect(node.login('olga')).rejects.toMatchObject({ code: 'wrong-credentials' })
})
