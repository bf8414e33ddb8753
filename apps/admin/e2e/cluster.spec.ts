/** A facility grows from one node to three in the browser, loses two of them, and goes on with the one that is left. */
import type { Page } from '@playwright/test'
import { addPerson, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { clusterAddress, facility, nodeName, owner, startNode, type TestNode } from './node.ts'
import { makeVendor } from './vendor.ts'

/** Hang guards: a node starts, joins and restores within seconds. */
const growTimeoutMs = 120_000
const testTimeoutMs = 900_000

const members = (page: Page) => page.getByRole('grid', { name: 'Members' })
const memberRow = (page: Page, name: string) => members(page).getByRole('row').filter({ hasText: name })

async function makeCluster(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Make this a cluster' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('A host name or another address').check()
  await dialog.getByRole('textbox', { name: 'Host name or address' }).fill(clusterAddress)
  await dialog.getByRole('button', { name: 'Make this a cluster' }).click()
  await expect(page.getByRole('heading', { name: 'Working, but no node may fail' })).toBeVisible({
    timeout: growTimeoutMs,
  })
}

async function openAddDialog(page: Page) {
  await page.getByRole('button', { name: 'Add node', exact: true }).click()
  const dialog = page.getByRole('dialog')
  // Nodes of other tests may be found on this machine; this one is named by its address.
  const other = dialog.getByLabel('Another one, by its address')
  if (await other.isVisible()) await other.check()
  return dialog
}

async function addByCode(page: Page, added: TestNode, name: string): Promise<void> {
  const dialog = await openAddDialog(page)
  await dialog.getByLabel('Address').fill(`${clusterAddress}:${added.port}`)
  await dialog.getByLabel('Name of the new node').fill(name)
  await dialog.getByLabel('Code on its screen').fill('AAAA-AAAA')
  await dialog.getByRole('button', { name: 'Add the node' }).click()
  await expect(dialog.getByLabel('Code on its screen')).toHaveAttribute('aria-invalid', 'true')
  await expectAccessible(page)

  await dialog.getByLabel('Code on its screen').fill(added.setupCode ?? '')
  await dialog.getByRole('button', { name: 'Add the node' }).click()
  await expect(dialog.getByText(`${name} is a member`)).toBeVisible({ timeout: growTimeoutMs })
  await dialog.getByRole('button', { name: 'Close' }).last().click()
}

async function invite(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Invite by code' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Good for').selectOption({ label: '15 minutes' })
  await dialog.getByRole('button', { name: 'Make the code' }).click()
  const code = dialog.getByText(/^HF1-/)
  await expect(code).toBeVisible()
  const text = (await code.textContent()) ?? ''
  await dialog.getByRole('button', { name: 'I have copied the code' }).click()
  return text
}

test('one node becomes three, and goes on alone after two are lost', async ({ page, context }) => {
  test.setTimeout(testTimeoutMs)
  await using vendor = await makeVendor({ runs: '0.1.0', brings: '0.2.0' })
  const { machineRoot } = vendor
  await using first = await startNode({ inCluster: true, machineRoot })
  await using second = await startNode({ inCluster: true, isSetUp: false, machineRoot })
  await using third = await startNode({ inCluster: true, isSetUp: false, machineRoot })
  const member = await addPerson(first)
  await signIn(context, first)

  await test.step('a single node says what a cluster gives, and becomes one', async () => {
    await page.goto(`${first.url}/cluster`)
    await expect(page.getByRole('heading', { name: `${nodeName} works alone` })).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
    await makeCluster(page)
    await expect(memberRow(page, nodeName).getByText('leader')).toBeVisible()
  })

  await test.step('a node is added by the code on its own screen', async () => {
    await addByCode(page, second, 'server-room-2')
    await expect(members(page).getByText('Online')).toHaveCount(2, { timeout: growTimeoutMs })
    // It is there a moment before it votes.
    await expect(page.getByText('2 of 2 there')).toBeVisible({ timeout: growTimeoutMs })
  })

  await test.step('two nodes are updated only by somebody who knows that nobody can write meanwhile', async () => {
    await page.goto(`${first.url}/settings?tab=updates`)
    await page.locator('input[type=file]').setInputFiles(vendor.bundle)
    await page.getByRole('button', { name: 'Upload and check' }).click()
    await expect(page.getByText('A cluster of two can spare no node')).toBeVisible()
    await page.getByRole('button', { name: 'Install 0.2.0 on 2 nodes' }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog.getByRole('button', { name: 'Install' })).toBeDisabled()
    await dialog.getByLabel('Nobody can write while a node restarts').check()
    await expect(dialog.getByRole('button', { name: 'Install' })).toBeEnabled()
    await inBothThemes(page, () => expectAccessible(page))
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await page.goto(`${first.url}/cluster`)
  })

  await test.step('another one joins with an invitation, from its own first page', async () => {
    const code = await invite(page)
    const joining = await context.newPage()
    await joining.goto(third.url)
    await joining.getByLabel('Join a cluster').check()
    await expectAccessible(joining)
    await joining.getByLabel('Setup code').fill(third.setupCode ?? '')
    await joining.getByRole('button', { name: 'Continue' }).click()
    await joining.getByRole('button', { name: 'Join the cluster' }).click()
    await expect(joining.getByText('Paste the code that a member of the cluster made.')).toBeVisible()
    await inBothThemes(joining, () => expectAccessible(joining))
    await joining.getByLabel('Join code').fill(code)
    await joining.getByLabel('Name of this node').fill('server-room-3')
    await joining.getByRole('button', { name: 'Join the cluster' }).click()
    await expect(joining).toHaveURL(/\/login$/, { timeout: growTimeoutMs })

    // The people of the facility are there.
    await joining.getByRole('textbox', { name: 'Name', exact: true }).fill(owner.name)
    await joining.getByRole('textbox', { name: 'Password', exact: true }).fill(owner.password)
    await joining.getByRole('button', { name: 'Sign in', exact: true }).click()
    await expect(joining.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
    await joining.getByRole('link', { name: 'Cluster' }).click()
    await expect(joining.getByRole('heading', { name: 'Healthy' })).toBeVisible({ timeout: growTimeoutMs })
    await expect(memberRow(joining, 'server-room-3').getByText('this node')).toBeVisible()
    await joining.close()
  })

  await test.step('three healthy members, and what the removal of one would mean', async () => {
    await expect(page.getByRole('heading', { name: 'Healthy' })).toBeVisible({ timeout: growTimeoutMs })
    await expect(page.getByText('All 3 voters are there')).toBeVisible()
    await expect(page.getByRole('img', { name: /^Members: .*leads\.$/ })).toBeVisible()
    const used = page
      .getByRole('grid', { name: 'Invitations' })
      .getByRole('row')
      .filter({ hasText: 'Used by' })
    await expect(used.first().getByText('–')).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
    await memberRow(page, 'server-room-2').getByRole('button', { name: 'Kebab toggle' }).click()
    await page.getByRole('menuitem', { name: 'Remove…' }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog.getByRole('row', { name: 'Needed to write 2 2' })).toBeVisible()
    await expect(dialog.getByRole('row', { name: 'May fail 1 0' })).toBeVisible()
    // The ring around the field that has the focus is not cut off.
    const room = await dialog.getByRole('textbox').evaluate((field) => {
      const body = field.closest('.pf-v6-c-modal-box__body')
      return (body?.getBoundingClientRect().bottom ?? 0) - field.getBoundingClientRect().bottom
    })
    expect(room).toBeGreaterThanOrEqual(4)
    await dialog.getByRole('textbox').fill('server-room-3')
    await expect(dialog.getByRole('button', { name: 'Remove' })).toBeDisabled()
    await inBothThemes(page, () => expectAccessible(page))
    await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
  })

  await test.step('a bundle goes to all nodes, the first one is asked, and no other after it is stopped', async () => {
    await page.goto(`${first.url}/settings?tab=updates`)
    await page.locator('input[type=file]').setInputFiles(vendor.bundle)
    await page.getByRole('button', { name: 'Upload and check' }).click()
    await expect(page.getByText('Holdfast 0.2.0, signed by the vendor')).toBeVisible()
    await expect(page.getByText('quorum: 2 of 3 nodes stay')).toBeVisible()
    await page.getByRole('button', { name: 'Install 0.2.0 on 3 nodes' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Install' }).click()
    await expect(page.getByText('One node after the other goes to 0.2.0')).toBeVisible()
    await expect(page.getByText('Is being updated; clients go on at the others')).toHaveCount(1, {
      timeout: growTimeoutMs,
    })
    await expect(page.getByText('Waits', { exact: true })).toHaveCount(2)
    await inBothThemes(page, () => expectAccessible(page))
    await page.getByRole('button', { name: 'Stop after this node' }).click()
    await expect(page.getByText('comes to its end; no other follows')).toBeVisible()
    await page.goto(`${first.url}/cluster`)
  })

  await test.step('without quorum every page says that nothing new is accepted', async () => {
    await second.stop()
    await third.stop()
    await expect(page.getByRole('heading', { name: 'Read-only: nothing new is accepted' })).toBeVisible({
      timeout: growTimeoutMs,
    })
    await expect(page.getByRole('button', { name: 'Add node', exact: true })).toBeHidden()
    await page.getByRole('link', { name: 'Overview' }).click()
    await expect(page.getByText(/^Read-only:/)).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
  })

  await test.step('the survivors are compared, and one goes on alone once its name is typed', async () => {
    await page.getByRole('link', { name: 'See the cluster' }).click()
    await page.getByRole('button', { name: 'The others are lost for good…' }).click()
    const dialog = page.getByRole('dialog')
    const survivors = dialog.getByRole('grid', { name: 'What is left' })
    await expect(
      survivors.getByRole('row').filter({ hasText: 'server-room-2' }).getByText('No'),
    ).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
    await dialog.getByRole('button', { name: 'The unreachable ones never come back' }).click()
    await expectAccessible(page)
    await dialog.getByRole('button', { name: 'Accept the loss' }).click()
    const go = dialog.getByRole('button', { name: 'Go on as the only member' })
    await dialog.getByRole('textbox').fill(`${facility} East`)
    await expect(go).toBeDisabled()
    await dialog.getByRole('textbox').fill(facility)
    await go.click()
    await expect(page.getByRole('heading', { name: 'Working, but no node may fail' })).toBeVisible({
      timeout: growTimeoutMs,
    })
    await expect(page.getByText(/^Read-only:/)).toBeHidden()
    await page.goto(`${first.url}/audit`)
    await expect(page.getByText(/recovered|went on alone/i).first()).toBeVisible()
  })

  await test.step('who may not see the cluster is not shown it', async () => {
    await context.clearCookies()
    await signIn(context, first, member)
    await page.goto(`${first.url}/cluster`)
    await expect(page.getByRole('heading', { name: 'Your role does not include this page' })).toBeVisible()
    await expect(page.getByRole('link', { name: 'Cluster' })).toBeHidden()
  })
})
