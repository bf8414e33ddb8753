import { readFile } from 'node:fs/promises'
import { signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { startNode } from './node.ts'

test('a recovery key is made in the browser, and backups are made for it', async ({ page, context }) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.goto(`${node.url}/settings?tab=backups`)
  await expect(page.getByText('No backup can be made yet')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Make a backup now' })).toHaveCount(0)

  // Whatever the page sends is looked at: the secret must not be in it.
  const sent: string[] = []
  page.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`))
  await page.getByRole('button', { name: 'Make the recovery key' }).click()
  const secret = page.getByText(/^AGE-SECRET-KEY-1/).first()
  await expect(secret).toBeVisible()
  const text = (await secret.textContent()) ?? ''
  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download the key file' }).click()
  const file = await readFile(await (await downloading).path(), 'utf8')
  expect(file).toContain(text.trim())
  await expect(page.getByRole('button', { name: 'Use this key' })).toBeDisabled()
  await inBothThemes(page, () => expectAccessible(page))
  await page.getByLabel('I have printed or saved it').check()
  await page.getByRole('button', { name: 'Use this key' }).click()
  await expect(page.getByText(/^AGE-SECRET-KEY-1/)).toHaveCount(0)
  await expect(page.getByText(/^age1/).first()).toBeVisible()
  expect(sent.filter((each) => each.includes('AGE-SECRET-KEY'))).toEqual([])

  await page.getByRole('button', { name: 'Make a backup now' }).click()
  const table = page.getByRole('grid', { name: 'Backups' })
  await expect(table.getByText('.hfbackup')).toBeVisible()
  await expect(table.getByText('never')).toBeVisible()

  await page.getByLabel('every day').check()
  await page.getByLabel('Time of day').fill('25:00')
  await expect(page.getByText('Enter a time such as 02:30.')).toBeVisible()
  await page.getByLabel('Time of day').fill('03:15')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('The schedule is saved')).toBeVisible()
  await expect(page.getByText('This node makes the next one')).toBeVisible()
  await page.reload()
  await expect(page.getByLabel('Time of day')).toHaveValue('03:15')
  await inBothThemes(page, () => expectAccessible(page))

  await page.goto(`${node.url}/`)
  await expect(page.getByText('Newest backup')).toBeVisible()
})
