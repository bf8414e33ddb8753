/** What policy demands of devices, over HTTP as over the client protocol. */
import { deviceKeyOf, generateKeyPair } from '@holdfast/api/client/device-key'
import { login } from '@holdfast/api/client/login'
import { createNodeFetch } from '@holdfast/api/client/node'
import { expect, test } from 'vitest'
import { startNode, testPassword } from '../harness.ts'

const refusedWith = (code: string) => expect.objectContaining({ code })

test('regression: where devices are required, a password alone reads no message over HTTP', async () => {
  await using node = await startNode()
  const anna = await node.newPerson()
  const channel = await node.newChannel([anna])
  const { version } = await node.owner.api.settings.get.query()
  await node.owner.api.settings.update.mutate({ version, deviceRequired: true, deviceApproval: 'auto' })
  await expect(anna.api.messages.page.query({ channel })).rejects.toEqual(refusedWith('device-required'))
  await expect(anna.api.messages.search.query({ text: 'x' })).rejects.toEqual(refusedWith('device-required'))
  await expect(anna.api.messages.marks.query({ channel })).rejects.toEqual(refusedWith('device-required'))

  // A session without a device, as a browser has, shows its device with each of these calls.
  const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: true }))
  const fetch = createNodeFetch({ ca: node.ca })
  await login({
    urls: [node.url],
    name: anna.name,
    password: testPassword,
    deviceKey,
    fetch,
    device: { name: 'tablet', platform: 'test' },
  })
  const proof = await deviceKey.proof({ htm: 'GET', htu: `${node.url}/trpc/messages.page` })
  const input = encodeURIComponent(JSON.stringify({ channel }))
  const answer = await node.http().call(`/trpc/messages.page?input=${input}`, {
    headers: { authorization: `Bearer ${anna.token}`, dpop: proof },
  })
  expect(answer.status).toBe(200)
})

test('regression: helpdesk cannot revoke a device of an owner, nor give itself a password', async () => {
  await using node = await startNode()
  const { version } = await node.owner.api.settings.get.query()
  await node.owner.api.settings.update.mutate({ version, deviceApproval: 'auto' })
  const fetch = createNodeFetch({ ca: node.ca })
  const deviceKey = await deviceKeyOf(await generateKeyPair({ extractable: true }))
  await login({
    urls: [node.url],
    name: node.owner.name,
    password: testPassword,
    deviceKey,
    fetch,
    device: { name: 'desk', platform: 'test' },
  })
  const helper = await node.newPerson({ role: 'helpdesk' })
  const [device] = (await node.owner.api.devices.list.query({})).rows
  await expect(helper.api.devices.revoke.mutate({ id: device?.id ?? '' })).rejects.toEqual(
    refusedWith('forbidden'),
  )
  await expect(
    helper.api.people.setPassword.mutate({
      id: helper.id,
      password: 'another good one 7',
      mustChange: false,
    }),
  ).rejects.toEqual(refusedWith('forbidden'))
})
