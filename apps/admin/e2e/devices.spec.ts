import type { Page } from '@playwright/test'
import { addPerson, asOwner, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { startNode } from './node.ts'
import { addChannel, addTalker, openChannel, write } from './talk.ts'

let made = 0

/** Enrols the browser of `page` under a name that no other spec uses. */
async function enrol(page: Page, url: string): Promise<string> {
  made += 1
  const name = `Radio ${process.pid}-${made}`
  await page.goto(`${url}/messages`)
  await page.getByRole('button', { name: 'This browser' }).click()
  await page.getByRole('textbox', { name: 'Name of this browser' }).fill(name)
  await page.getByRole('button', { name: 'Enrol this browser' }).click()
  await expect(page.getByRole('dialog', { name: 'This browser as a device' })).toContainText(name)
  return name
}

test('a device waits, is approved with its key in view, and is revoked with a reason', async ({
  browser,
  page,
  context,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const name = await enrol(ana.page, node.url)
  const dialog = ana.page.getByRole('dialog', { name: 'This browser as a device' })
  await expect(dialog).toContainText('Waiting for approval')

  await signIn(context, node)
  await page.goto(`${node.url}/devices`)
  await expect(page.getByRole('heading', { name: /waiting for approval/ })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: `Approve ${name}` }).click()
  await expect(page.getByText(`${name} is approved`)).toBeVisible()
  await expect(page.getByRole('button', { name: `Approve ${name}` })).toHaveCount(0)
  await expect(dialog).toContainText('Approved')

  await page.getByRole('textbox', { name: 'Search devices' }).fill(name)
  await page
    .getByRole('row', { name: new RegExp(name) })
    .getByRole('button', { name })
    .click()
  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail.getByText('Certificate serial')).toBeVisible()
  await detail.getByRole('button', { name: 'Show the certificate' }).click()
  await expect(detail.getByText('BEGIN CERTIFICATE')).toBeVisible()
  await expect(detail.getByRole('link', { name: 'Device approved' })).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))

  await detail.getByRole('button', { name: 'Edit…' }).click()
  await page.getByRole('textbox', { name: 'Site' }).fill('north gate')
  await page.getByRole('textbox', { name: 'Tags' }).fill('patrol, spare')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(detail.getByText('north gate')).toBeVisible()
  await expect(detail.getByText('patrol')).toBeVisible()

  await detail.getByRole('button', { name: 'Revoke…' }).click()
  const confirm = page.getByRole('dialog', { name: new RegExp(`Revoke “${name}”`) })
  await confirm.getByRole('textbox', { name: 'Reason' }).fill('Lost on the ridge')
  await confirm.getByRole('button', { name: 'Revoke' }).click()
  await expect(detail.getByRole('link', { name: 'Device revoked' })).toBeVisible()
  await expect(detail.getByRole('button', { name: 'Revoke…' })).toHaveCount(0)
  await expect(dialog).toContainText('This device was revoked')
  await dialog.getByRole('button', { name: 'Forget this key' }).click()
  await expect(dialog.getByRole('button', { name: 'Enrol this browser' })).toBeVisible()
})

test('devices are found by status, by person and by text', async ({ browser, page, context, node }) => {
  const ana = await addTalker(browser, node, `Ana Devices ${process.pid}`)
  const name = await enrol(ana.page, node.url)
  await signIn(context, node)
  await page.goto(`${node.url}/devices`)
  await page.getByRole('combobox', { name: 'Person' }).fill(ana.displayName)
  await page.getByRole('option', { name: new RegExp(ana.displayName) }).click()
  const row = page.getByRole('row', { name: new RegExp(name) })
  await expect(row).toBeVisible()
  await page.getByRole('button', { name: 'Revoked', exact: true }).click()
  await expect(page.getByText('Nothing matches')).toBeVisible()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByRole('textbox', { name: 'Search devices' }).fill('no such device')
  await expect(page.getByText('Nothing matches')).toBeVisible()
})

test('the helpdesk sees and revokes devices, and is not offered to approve them', async ({
  browser,
  page,
  context,
  node,
}) => {
  const ana = await addTalker(browser, node, 'Ana Keller')
  const name = await enrol(ana.page, node.url)
  const ownersContext = await browser.newContext({ ignoreHTTPSErrors: true })
  await signIn(ownersContext, node)
  const ownersName = await enrol(await ownersContext.newPage(), node.url)
  await ownersContext.close()
  await signIn(context, node, await addPerson(node, { role: 'helpdesk' }))
  await page.goto(`${node.url}/devices`)
  // Regression: refusing a device of the mightier was offered, and then forbidden.
  const waiting = page.getByRole('list', { name: 'Devices waiting for approval' })
  await expect(waiting.getByRole('button', { name: ownersName, exact: true })).toBeVisible()
  await expect(page.getByRole('button', { name: `Refuse ${ownersName}` })).toHaveCount(0)
  await waiting.getByRole('button', { name: ownersName, exact: true }).click()
  await expect(page.getByRole('heading', { name: ownersName })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Refuse…' })).toHaveCount(0)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: `Refuse ${name}` })).toBeVisible()
  await expect(page.getByRole('button', { name: `Approve ${name}` })).toHaveCount(0)
  await page.getByRole('button', { name: `Refuse ${name}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Refuse' }).click()
  await expect(page.getByRole('button', { name: `Refuse ${name}` })).toHaveCount(0)
})

test('where only approved devices may talk, an enrolled browser proves its key to search', async ({
  browser,
  page,
  context,
}) => {
  await using node = await startNode()
  const ana = await addTalker(browser, node, 'Ana Keller')
  const channel = await addChannel(node, { members: [ana.id] })
  await openChannel(ana.page, node, channel)
  await write(ana.page, channel.name, 'The quicksilver barometer fell.')
  const search = async (word: string) => {
    const asked = ana.page.waitForRequest(
      (request) => request.url().includes('/trpc/messages.search') && request.url().includes(word),
    )
    await ana.page.getByRole('textbox', { name: 'Search channels and messages' }).fill(word)
    return (await asked).headers().dpop
  }
  expect(await search('barometer')).toBeUndefined()

  const name = await enrol(ana.page, node.url)
  await signIn(context, node)
  await page.goto(`${node.url}/devices`)
  await page.getByRole('button', { name: `Approve ${name}` }).click()
  await expect(ana.page.getByRole('dialog')).toContainText('Approved')
  await ana.page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await asOwner(node, (call) => call('settings.update', { version: 1, deviceRequired: true }))

  const input = encodeURIComponent(JSON.stringify({ text: 'quicksilver' }))
  const unproven = await ana.page.request.get(`${node.url}/trpc/messages.search?input=${input}`)
  expect(await unproven.json()).toMatchObject({ error: { data: { holdfast: 'device-required' } } })
  expect(await search('quicksilver')).toEqual(expect.stringMatching(/^ey/))
  await expect(ana.page.locator('mark', { hasText: 'quicksilver' })).toBeVisible()
  expect(ana.faults).toEqual([])
})
