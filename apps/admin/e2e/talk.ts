/** What the specs of the message pages share: people with browsers of their own, and a channel that they are in. */

import { login } from '@holdfast/api/client/login'
import { connectNode, createNodeFetch } from '@holdfast/api/client/node'
import { type Browser, expect, type Page, request } from '@playwright/test'
import { addPerson, asOwner, type Credentials, signIn } from './calls.ts'
import { watch } from './fixtures.ts'
import type { TestNode } from './node.ts'

export interface Talker extends Credentials {
  id: string
  displayName: string
  page: Page
  /** What the browser did wrong; to be empty at the end. */
  faults: string[]
}

/** A new member with a browser of his own, signed in. */
export async function addTalker(browser: Browser, node: TestNode, displayName: string): Promise<Talker> {
  const person = await addPerson(node, { displayName })
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const faults = await watch(context)
  await signIn(context, node, person)
  return { ...person, displayName, page: await context.newPage(), faults }
}

let made = 0

/** A new channel with a name that no other spec uses. */
export async function addChannel(
  node: TestNode,
  channel: { kind?: 'group' | 'open' | 'announcement'; topic?: string; members: string[] },
): Promise<{ id: string; name: string }> {
  made += 1
  const name = `talk-${process.pid}-${made}`
  const { id } = await asOwner(node, (call) =>
    call<{ id: string }>('channels.create', { name, kind: 'group', ...channel }),
  )
  return { id, name }
}

/** Opens a channel and waits until it can be written in. */
export async function openChannel(page: Page, node: TestNode, channel: { id: string; name: string }) {
  await page.goto(`${node.url}/messages?id=${channel.id}`)
  await expect(page.getByRole('textbox', { name: `Message ${channel.name}` })).toBeVisible()
}

/** Writes a message and waits until the node has stored it. */
export async function write(page: Page, title: string, text: string): Promise<void> {
  const box = page.getByRole('textbox', { name: `Message ${title}` })
  await box.fill(text)
  await box.press('Enter')
  await expect(page.locator('article', { hasText: text })).toBeVisible()
}

export const message = (page: Page, text: string | RegExp) => page.locator('article', { hasText: text })

/** Sends many messages as `person` through the SDK, as fast as the node takes them. */
export async function sendAll(
  node: TestNode,
  { person, channel, texts }: { person: Credentials; channel: string; texts: string[] },
): Promise<void> {
  const calls = await request.newContext({ ignoreHTTPSErrors: true })
  const ca = await (await calls.get(`${node.url}/ca.pem`)).text()
  await calls.dispose()
  using fetch = createNodeFetch({ ca })
  const { token } = await login({ urls: [node.url], ...person, fetch })
  const client = connectNode({ urls: [node.url], token, ca })
  try {
    await Promise.all(texts.map((text) => client.send(channel, text)))
  } finally {
    client.close()
  }
}
