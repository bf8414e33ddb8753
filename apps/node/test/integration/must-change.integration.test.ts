/** Somebody whose password was set by another can do nothing before he has chosen his own. */
import { expect, test } from 'vitest'
import { sharedNode, testPassword } from '../harness.ts'

const shared = sharedNode()
const refused = expect.objectContaining({ code: 'must-change-password' })

test('nothing but the change is allowed, over HTTP and the client protocol', async () => {
  const { node } = shared
  const anna = await node.newPerson()
  const given = `${testPassword} as given`
  await node.owner.api.people.setPassword.mutate({ id: anna.id, password: given, mustChange: true })
  const entered = await node.signIn(anna.name, given)
  await expect(entered.api.people.list.query()).rejects.toEqual(refused)
  await expect(entered.api.channels.list.query()).rejects.toEqual(refused)
  await expect(node.connect(entered)).rejects.toThrow(/choose your own/)
  expect(await entered.api.auth.me.query()).toMatchObject({ name: anna.name, mustChange: true })

  await entered.api.auth.changePassword.mutate({ current: given, next: `${testPassword} of my own` })
  expect((await entered.api.channels.list.query()).total).toBe(0)
  await node.connect(entered)
})
