import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { addPerson, asOwner, signIn } from './calls.ts'
import { expect, expectAccessible, inBothThemes, test } from './fixtures.ts'
import { owner, startNode } from './node.ts'

test('every tab can be read in both themes', async ({ page, context, node }) => {
  await signIn(context, node)
  for (const [tab, heading] of [
    ['facility', 'Signing in'],
    ['node', 'Network interfaces'],
    ['certificates', 'Trusting it'],
    ['account', 'Where you are signed in'],
  ]) {
    await page.goto(`${node.url}/settings?tab=${tab}`)
    await expect(page.getByRole('heading', { name: heading })).toBeVisible()
    await inBothThemes(page, () => expectAccessible(page))
  }
})

test('the facility’s rules are checked, saved, and never overwrite a newer version', async ({
  page,
  context,
}) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.goto(`${node.url}/settings`)
  const lockOut = page.getByLabel('Lock out after')
  await lockOut.fill('1')
  await expect(page.getByText('Enter a whole number from 3 to 100.')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled()
  await lockOut.fill('7')
  await page.getByLabel('for a number of days').check()
  await page.getByLabel('Keep for').fill('90')
  await page.getByLabel('Name').fill('South Harbour')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('The rules are saved')).toBeVisible()
  await expect(page.getByRole('banner')).toContainText('South Harbour')
  await page.reload()
  await expect(lockOut).toHaveValue('7')
  await expect(page.getByLabel('Keep for')).toHaveValue('90')

  await lockOut.fill('8')
  const version = await asOwner(node, async (call) => {
    for (let guess = 0; guess < 10; guess += 1) {
      const saved = await call<{ version: number }>('settings.update', {
        version: guess,
        sessionDays: 12,
      }).catch(() => null)
      if (saved !== null) return saved.version
    }
    return null
  })
  expect(version).not.toBeNull()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('main').getByRole('alert')).toContainText(
    'Somebody else changed this meanwhile',
  )
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByLabel('A session lasts')).toHaveValue('12')
  await expect(lockOut).toHaveValue('7')
})

test('discovery shows each interface with a reason and takes static peers', async ({ page, context }) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.goto(`${node.url}/settings?tab=node`)
  const loopback = page.getByRole('grid', { name: 'Network interfaces' }).getByRole('row', { name: /^lo\b/ })
  await expect(loopback).toContainText('No')
  await expect(loopback).toContainText(/loopback/i)
  const peers = page.getByLabel('Static peers')
  await peers.fill('10.9.8.7')
  await expect(page.getByText('“10.9.8.7” is not host:port')).toBeVisible()
  await peers.fill('10.9.8.7:7443\nnode-2.example:7443')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Discovery is saved')).toBeVisible()
  await page.reload()
  await expect(peers).toHaveValue('10.9.8.7:7443\nnode-2.example:7443')
})

test('the CA certificate is the one whose fingerprint is shown', async ({ page, context, node }) => {
  await signIn(context, node, await addPerson(node))
  await page.goto(`${node.url}/settings?tab=certificates`)
  await expect(page.getByText(node.caFingerprint)).toBeVisible()
  const pem = await (await context.request.get(`${node.url}/ca.pem`)).text()
  expect(new X509Certificate(pem).fingerprint256).toBe(node.caFingerprint)
  await expect(page.getByRole('link', { name: 'Download the CA certificate' })).toHaveAttribute(
    'href',
    '/ca.pem',
  )
  await page.getByRole('button', { name: 'Debian and Ubuntu' }).click()
  await expect(page.getByText('sudo update-ca-certificates')).toBeVisible()
})

test('a member sees his account and the certificates, nothing else', async ({ page, context, node }) => {
  await signIn(context, node, await addPerson(node))
  await page.goto(`${node.url}/settings?tab=facility`)
  await expect(page.getByRole('tab')).toHaveText(['Certificates', 'My account'])
})

test('who may not change the rules can read them', async ({ page, context, node }) => {
  await signIn(context, node, await addPerson(node, { role: 'operator' }))
  await page.goto(`${node.url}/settings`)
  await expect(page.getByText('an owner or a security officer changes them')).toBeVisible()
  await expect(page.getByLabel('Lock out after')).toBeDisabled()
  await expect(page.getByRole('button', { name: 'Save' })).toHaveCount(0)
})

test('one’s own sessions are listed and ended, and a new password ends the others', async ({
  page,
  context,
  browser,
  node,
}) => {
  const person = await addPerson(node)
  const elsewhere = await browser.newContext({ ignoreHTTPSErrors: true })
  await signIn(elsewhere, node, person)
  await signIn(context, node, person)
  await page.goto(`${node.url}/settings?tab=account`)
  const rows = page.getByRole('grid', { name: 'Sessions' }).locator('tbody tr')
  await expect(rows).toHaveCount(2)
  await page.getByRole('button', { name: /^End the session of/ }).click()
  const dialog = page.getByRole('dialog', { name: 'End this session?' })
  await inBothThemes(page, () => expectAccessible(page))
  await dialog.getByRole('button', { name: 'End the session' }).click()
  await expect(rows).toHaveCount(1)
  expect((await elsewhere.request.get(`${node.url}/trpc/auth.me`)).status()).toBe(401)

  await signIn(elsewhere, node, person)
  await page.getByRole('textbox', { name: 'Current password' }).fill('not this one')
  await page.getByRole('textbox', { name: 'New password', exact: true }).fill('seven herons by the weir')
  await page.getByRole('textbox', { name: 'New password again' }).fill('seven herons by the weir')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await expect(page.getByText('This is not your current password.')).toBeVisible()
  await page.getByRole('textbox', { name: 'Current password' }).fill(person.password)
  await page.getByRole('button', { name: 'Change the password' }).click()
  await expect(page.getByText('Your password is changed')).toBeVisible()
  expect((await elsewhere.request.get(`${node.url}/trpc/auth.me`)).status()).toBe(401)
  expect((await context.request.get(`${node.url}/trpc/auth.me`)).status()).toBe(200)
  await elsewhere.close()
})

test('an owner makes new recovery codes with his password, sees them once and signs in with one', async ({
  page,
  context,
}) => {
  await using node = await startNode()
  await signIn(context, node)
  await page.goto(`${node.url}/settings?tab=account`)
  const card = page.locator('form', { has: page.getByRole('button', { name: 'Make new recovery codes' }) })
  const make = async (password: string) => {
    await card.getByRole('textbox', { name: 'Your password' }).fill(password)
    await card.getByRole('button', { name: 'Make new recovery codes' }).click()
  }
  await make('not the password')
  await expect(page.getByText('This is not your password.')).toBeVisible()
  await make(owner.password)
  const codes = page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem')
  await expect(codes).toHaveCount(10)
  await expect(page.getByText(node.caFingerprint)).toBeVisible()
  const shown = await codes.allTextContents()
  await inBothThemes(page, () => expectAccessible(page))

  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download as text' }).click()
  const text = await readFile(await (await downloading).path(), 'utf8')
  for (const code of shown) expect(text).toContain(code)

  await test.step('only the sheet is printed, all of it on the paper', async () => {
    await page.emulateMedia({ media: 'print' })
    await expect(page.getByRole('navigation').first()).not.toBeVisible()
    await expect(page.getByRole('heading', { name: 'Where you are signed in' })).not.toBeVisible()
    for (const each of [codes.first(), codes.last(), page.getByText(node.caFingerprint)])
      await expect(each).toBeInViewport({ ratio: 1 })
    await page.emulateMedia({ media: 'screen' })
    const paper = (await page.pdf({ format: 'A4' })).toString('latin1')
    expect(paper.match(/\/Type\s*\/Page\b/g)).toHaveLength(1)
  })

  await page.getByRole('button', { name: 'I have printed or saved them' }).click()
  await expect(codes).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Make new recovery codes' })).toBeVisible()

  await page.context().clearCookies()
  await page.goto(`${node.url}/login`)
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(owner.name)
  await page.getByLabel('Recovery code').fill(shown[7] ?? '')
  await page.getByRole('textbox', { name: 'New password', exact: true }).fill('another four random words')
  await page.getByRole('textbox', { name: 'New password again' }).fill('another four random words')
  await page.getByRole('button', { name: 'Set the password and sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible()
})
