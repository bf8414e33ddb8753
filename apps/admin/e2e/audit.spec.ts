import { readFile } from 'node:fs/promises'
import { addPerson, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'

test('the log is searched, an event is read, the chain is verified and taken away', async ({
  page,
  context,
  node,
}) => {
  const person = await addPerson(node, { displayName: `Audited ${process.pid}` })
  await signIn(context, node)
  await page.goto(`${node.url}/audit`)
  await page.getByRole('textbox', { name: 'Target' }).fill(person.id)
  const row = page.getByRole('row', { name: /Person added/ })
  await expect(row).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))
  await row.getByRole('button').click()
  const detail = page.locator('.pf-v6-c-drawer__panel')
  await expect(detail).toContainText('A new account.')
  await expect(detail).toContainText('person.added')
  await expect(detail.getByRole('link', { name: person.id })).toHaveAttribute('href', new RegExp(person.id))
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByRole('button', { name: 'Close the detail' }).click()

  await page.getByRole('combobox', { name: 'Action' }).selectOption('device.')
  await expect(page.getByText('Nothing matches')).toBeVisible()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByRole('combobox', { name: 'Time' }).selectOption('hour')
  await expect(page.getByRole('row', { name: /Person added/ }).first()).toBeVisible()

  await page.getByRole('button', { name: 'Verify the log' }).click()
  await expect(page.getByText('The audit log is complete and unaltered')).toBeVisible()
  await expect(page.getByText(/\d+ events in 1 segment file/)).toBeVisible()
  await expect(page.getByText(/\d+ signed checkpoints? agrees? with it/)).toBeVisible()
  await inBothThemes(page, () => expectAccessible(page))

  await page.getByRole('button', { name: 'Export…' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click()
  const file = await download
  expect(file.suggestedFilename()).toMatch(/^holdfast-audit-.*\.audit$/)
  const lines = (await readFile(await file.path(), 'utf8')).trimEnd().split('\n')
  const events = lines.map(
    (line) => JSON.parse(line.slice(line.indexOf('{'))) as { seq: number; action: string },
  )
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1))
  expect(events.some((event) => event.action === 'person.added')).toBe(true)
})

test('what is new is signed, the checkpoint is kept, and an event is proved', async ({
  page,
  context,
  node,
}) => {
  await signIn(context, node)
  await page.goto(`${node.url}/audit`)
  await page.getByRole('button', { name: 'Sign what is new' }).click()
  const checkpoint = page.getByLabel('Newest signed checkpoint')
  await expect(checkpoint.getByText(/ signed$/)).toBeVisible()
  const checkpointDownload = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Keep a copy' }).click()
  const note = await readFile(await (await checkpointDownload).path(), 'utf8')
  expect(note).toMatch(/^holdfast\/[0-9a-f]{16}\/audit\n\d+\n/)
  await page
    .getByRole('row', { name: /Signed in/ })
    .first()
    .getByRole('button')
    .click()
  const detail = page.locator('.pf-v6-c-drawer__panel')
  const proofDownload = page.waitForEvent('download')
  await detail.getByRole('button', { name: 'Save a proof of this event' }).click()
  const proof = JSON.parse(await readFile(await (await proofDownload).path(), 'utf8')) as { event: string }
  expect(proof.event).toContain('auth.login')
})

test('the auditor has this page and no other of the node’s', async ({ page, context, node }) => {
  await signIn(context, node, await addPerson(node, { role: 'auditor' }))
  await page.goto(`${node.url}/audit`)
  await expect(page.getByRole('row', { name: /Signed in/ }).first()).toBeVisible()
  await page.getByRole('textbox', { name: 'Who did it' }).fill('warden')
  await expect(page.getByRole('row', { name: /warden/ }).first()).toBeVisible()
  await expect(page.getByRole('link', { name: 'Messages' })).toHaveCount(0)
  await page.goto(`${node.url}/messages`)
  await expect(page.getByText('Your role does not include this page')).toBeVisible()
})
