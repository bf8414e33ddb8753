// Runs in the lab's hub: makes the writers and their channels at a new cluster through its API. Reads a PopulatePlan as
// JSON, prints the rooms, whose members carry session tokens.

import { text } from 'node:stream/consumers'
import { createApi } from '@holdfast/api/client/api'
import { createNodeFetch } from '@holdfast/api/client/node'
import type { Room } from '../driver/plan.ts'
import { newPassword } from '../lib/holdfast.ts'

export interface PopulatePlan {
  urls: string[]
  /** PEM of the facility's CA. */
  ca: string
  admin: { name: string; password: string }
  /** One channel with one writer each. */
  rooms: string[]
}

const plan = JSON.parse(await text(process.stdin)) as PopulatePlan
using fetch = createNodeFetch({ ca: plan.ca })
const anonymous = createApi({ urls: plan.urls, fetch })

async function signIn(name: string, password: string) {
  const answer = await anonymous.auth.login.mutate({ name, password })
  if (!('token' in answer) || !answer.token) throw new Error(`${name} was given no token.`)
  return { person: answer.person.id, token: answer.token }
}

const owner = createApi({
  urls: plan.urls,
  fetch,
  token: (await signIn(plan.admin.name, plan.admin.password)).token,
})
const rooms: Room[] = []
for (const address of plan.rooms) {
  const name = `writer-of-${address}`
  const password = newPassword()
  await owner.people.add.mutate({ name, role: 'member', password })
  const { person, token } = await signIn(name, password)
  await owner.channels.create.mutate({ name: address, kind: 'group', members: [person] })
  rooms.push({ address, members: [{ name, secret: token }] })
}
process.stdout.write(JSON.stringify(rooms))
