import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { arch, platform, release } from 'node:os'
import type { DeviceKey } from '@holdfast/api/client/device-key'
import type { Login } from '@holdfast/api/client/login'
import type { NodeList } from '@holdfast/api/client/node-list'
import { HoldfastError } from '@holdfast/api/contract/errors'
import { Command } from 'commander'
import { CommandError, UsageError } from './errors.ts'
import { findNodes } from './nodes.ts'
import { dateTime, note, print, printJson } from './output.ts'
import {
  defaultProfile,
  loadProfile,
  type Profile,
  profilePaths,
  rememberUrls,
  removeKey,
  saveProfile,
} from './profile.ts'
import { deviceName, programName } from './remote.ts'
import { ask, readNewPassword, readPassword } from './secrets.ts'

/** How long a login waits to be told about the other nodes. */
const learnMs = 3_000

interface LoginFlags {
  url?: string[]
  user?: string
  passwordFile?: string
  newPasswordFile?: string
  recover?: boolean
  recoveryCodeFile?: string
  ca?: string
  fingerprint?: string
  device: boolean
  profile: string
  json?: boolean
}

export function loginCommand(): Command {
  return new Command('login')
    .option(
      '--url <url>',
      'address of a node, https://NAME:7443, once for each node that is known; those of the last login when absent',
      (url: string, before: string[] | undefined) => [...(before ?? []), url],
    )
    .option('--user <name>', 'login name; the one of the last login when absent')
    .option('--password-file <file>', 'file with the password; - reads standard input; asked for without it')
    .option('--new-password-file <file>', 'file with the new password, for a person who must choose one')
    .option('--recover', 'set a new password with a code of the recovery kit, and sign in with it')
    .option('--recovery-code-file <file>', 'file with the code; - reads standard input; asked for without it')
    .option('--ca <file>', "file with the facility's CA; without it the fingerprint is shown and asked about")
    .option('--fingerprint <sha256>', "accept the node's CA when it has this fingerprint, without asking")
    .option('--no-device', 'do not enrol this machine as a device; the session is then not bound to it')
    .option('--profile <name>', 'name to remember this login by', defaultProfile)
    .option('--json', 'print one JSON value')
    .action(login)
}

async function login(flags: LoginFlags): Promise<void> {
  const last = await loadProfile(flags.profile)
  const urls = flags.url ?? last?.urls
  const name = flags.user ?? last?.user
  if (urls === undefined || name === undefined)
    throw new UsageError('The first login of a profile needs --url https://NODE:7443 and --user NAME.')
  const { nodeOrigin } = await import('@holdfast/api/client/urls')
  const origins = urls.map(nodeOrigin)
  const ca = await trustedCa(origins, flags, last)
  const { NodeList } = await import('@holdfast/api/client/node-list')
  const nodes = new NodeList(origins, { discover: () => findNodes(ca) })
  const { createNodeFetch } = await import('@holdfast/api/client/node')
  using fetch = createNodeFetch({ ca, userAgent: programName() })
  const password = flags.recover
    ? await recoveredPassword({ nodes, name, fetch, flags })
    : await readPassword({
        file: flags.passwordFile,
        flag: '--password-file',
        prompt: `Password of ${name}: `,
      })
  // The facility is its CA: any of its nodes knows the key of this device.
  const sameDevice = last !== null && last.ca === ca && last.user === name.toLowerCase()
  const done = await signIn({
    urls: nodes,
    name,
    password,
    fetch,
    flags,
    enrolled: sameDevice && last.enrolled,
  })
  const profile: Profile = {
    urls: nodes.urls,
    user: done.session.person.name,
    personId: done.session.person.id,
    ca,
    token: done.token,
    bound: done.binding === 'bound',
    enrolled: done.binding !== 'none',
  }
  await saveProfile(flags.profile, profile)
  if (done.session.mustChange) await chooseNewPassword({ profile, current: password, fetch, flags })
  await learnNodes(flags.profile, profile, nodes)
  tell(done, nodes.best, flags)
}

type NodeFetch = ReturnType<typeof import('@holdfast/api/client/node').createNodeFetch>

/** Sets a new password with a recovery code; the session that comes with it ends, since the login makes its own. */
async function recoveredPassword(options: {
  nodes: NodeList
  name: string
  fetch: NodeFetch
  flags: LoginFlags
}): Promise<string> {
  const { nodes, name, fetch, flags } = options
  if (flags.passwordFile !== undefined)
    throw new UsageError(
      '--recover sets a new password: give --new-password-file instead of --password-file.',
    )
  const code = await readPassword({
    file: flags.recoveryCodeFile,
    flag: '--recovery-code-file',
    prompt: `Recovery code of ${name}: `,
  })
  const newPassword = await readNewPassword({
    file: flags.newPasswordFile,
    flag: '--new-password-file',
    prompt: 'New password: ',
  })
  const { createApi } = await import('@holdfast/api/client/api')
  const recovered = await createApi({ urls: nodes, fetch }).auth.recover.mutate({
    name,
    code: code.trim(),
    newPassword,
  })
  if (!('token' in recovered))
    throw new CommandError(`${nodes.best} gave no token. Is another program between here and the node?`)
  await createApi({ urls: nodes, fetch, token: recovered.token }).auth.logout.mutate()
  return newPassword
}

/** A connection tells which nodes there are. Who may not have one, or not yet, knows those that he was given. */
async function learnNodes(name: string, profile: Profile, nodes: NodeList): Promise<void> {
  const { connectNode } = await import('@holdfast/api/client/node')
  const key = profile.bound ? await loadKey(name) : null
  const client = connectNode({
    urls: nodes,
    ca: profile.ca,
    token: profile.token ?? '',
    ...(key ? { deviceKey: key } : {}),
    program: programName(),
    follow: () => false,
    firstAttempts: 1,
  })
  try {
    await Promise.race([client.live(), new Promise((resolve) => setTimeout(resolve, learnMs).unref())])
    await rememberUrls(name, profile, nodes.urls)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
  } finally {
    client.close()
  }
}

async function loadKey(name: string): Promise<DeviceKey | null> {
  const { loadKeyFile } = await import('@holdfast/api/client/node-key-file')
  return loadKeyFile(profilePaths(name).key)
}

async function signIn(options: {
  urls: NodeList
  name: string
  password: string
  fetch: NodeFetch
  flags: LoginFlags
  enrolled: boolean
}): Promise<Login> {
  const { flags, ...rest } = options
  const { login: signInWith } = await import('@holdfast/api/client/login')
  if (!flags.device) return signInWith({ ...rest, enrolled: false })
  const { key: path } = profilePaths(flags.profile)
  const { createKeyFile, loadKeyFile } = await import('@holdfast/api/client/node-key-file')
  const device = { name: deviceName(), platform: `${platform()} ${release()} ${arch()}`.slice(0, 64) }
  // A key belongs to one person; somebody else's login on this profile gets a key of its own.
  if (!options.enrolled) await removeKey(flags.profile)
  const deviceKey = (await loadKeyFile(path)) ?? (await createKeyFile(path))
  return signInWith({ ...rest, deviceKey, device })
}

/** The CA to trust: given, remembered, or offered by the node and confirmed by the person. */
async function trustedCa(
  origins: readonly string[],
  flags: LoginFlags,
  last: Profile | null,
): Promise<string> {
  if (flags.ca !== undefined) return readCa(flags.ca)
  const answer = await offeredCa(origins)
  if (answer instanceof Error) {
    // Other nodes of the facility may be found on the network; they have to show a certificate of its CA.
    if (flags.url === undefined && last !== null) return last.ca
    throw answer
  }
  const { origin, offered } = answer
  const fingerprint = new X509Certificate(offered).fingerprint256
  if (last?.ca === offered) return offered
  if (flags.fingerprint !== undefined) {
    if (bare(flags.fingerprint) === bare(fingerprint)) return offered
    throw new CommandError(
      `The CA of ${origin} has the fingerprint ${fingerprint}, not the one given. Do not trust it: compare with the node's console.`,
    )
  }
  if (!process.stdin.isTTY || flags.passwordFile === '-')
    throw new UsageError(
      `The CA of ${origin} is not known here. Give --ca FILE, or after comparing it with the node's console: --fingerprint ${fingerprint}`,
    )
  if (last?.urls.includes(origin))
    note(`The CA of ${origin} is NOT the one of your last login. Somebody may be between you and the node.`)
  note(
    `The CA of ${origin} has the fingerprint\n  ${fingerprint}\nCompare it with the one on the node's console.`,
  )
  if ((await ask('Is it the same? Type yes: ')).trim().toLowerCase() !== 'yes')
    throw new CommandError('The CA was not accepted; nothing was sent.')
  return offered
}

/** The CA that the first node to answer offers, or why none did. */
async function offeredCa(origins: readonly string[]): Promise<{ origin: string; offered: string } | Error> {
  const { fetchUntrustedCa } = await import('@holdfast/api/client/node')
  let failure = new Error('No address of a node was given.')
  for (const origin of origins)
    try {
      return { origin, offered: certificatesIn(await fetchUntrustedCa(origin)) }
    } catch (error) {
      failure = error as Error
    }
  return failure
}

async function readCa(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new CommandError(`The CA file ${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
  try {
    return certificatesIn(text)
  } catch (cause) {
    throw new CommandError(`${path} holds no certificate in PEM form.`, { cause })
  }
}

/** The certificates of a PEM text, and nothing else that may stand in it. */
function certificatesIn(text: string): string {
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (!found) throw new CommandError('There is no certificate in PEM form.')
  for (const pem of found) new X509Certificate(pem)
  return `${found.join('\n')}\n`
}

function bare(fingerprint: string): string {
  return fingerprint.replaceAll(/[^0-9a-fA-F]/g, '').toLowerCase()
}

async function chooseNewPassword(options: {
  profile: Profile
  current: string
  fetch: NodeFetch
  flags: LoginFlags
}): Promise<void> {
  const { profile, current, fetch, flags } = options
  if (flags.newPasswordFile === undefined && !process.stdin.isTTY)
    throw new UsageError('This person must choose a new password first. Give --new-password-file FILE.')
  if (flags.newPasswordFile === undefined) note('You must choose a new password.')
  const next = await readNewPassword({
    file: flags.newPasswordFile,
    flag: '--new-password-file',
    prompt: 'New password: ',
  })
  const { createApi } = await import('@holdfast/api/client/api')
  const deviceKey = profile.bound ? await loadKey(flags.profile) : null
  const token = profile.token === null ? {} : { token: profile.token }
  const api = createApi({ urls: profile.urls, fetch, ...token, ...(deviceKey ? { deviceKey } : {}) })
  await api.auth.changePassword.mutate({ current, next })
}

function tell(done: Login, origin: string, flags: LoginFlags): void {
  const { session, binding, device } = done
  if (flags.json) {
    printJson({
      url: origin,
      profile: flags.profile,
      person: session.person,
      sessionId: session.sessionId,
      expiresAt: session.expiresAt,
      binding,
      deviceId: session.deviceId ?? device?.id ?? null,
    })
    return
  }
  print(
    `Logged in to ${origin} as ${session.person.name} (${session.person.role}) until ${dateTime(session.expiresAt)}.`,
  )
  if (binding === 'bound') print('The session is bound to the key of this device.')
  if (binding === 'pending')
    print(
      `This device waits for approval (${device?.id ?? 'device'}). Once it is approved, log in again to bind the session to it.`,
    )
}
