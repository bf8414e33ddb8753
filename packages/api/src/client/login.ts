/**
 * Signing in. With a device key the session is bound to the device, so that a stolen token is of no use elsewhere:
 * 1. an enrolled key proves itself with the password · 2. an unknown key signs in by password alone · 3. asks for a
 * challenge · 4. enrols with a proof over its nonce · 5. once approved, signs in again with a proof.
 */
import { type ErrorCode, HoldfastError } from '../contract/errors.ts'
import type { DeviceDetail, LoginResult } from '../services.ts'
import { type Api, clockDifference, clockToleranceMs, createApi, type Fetch, whileNoMajority } from './api.ts'
import type { DeviceKey } from './device-key.ts'
import { NodeList } from './node-list.ts'
import { trpcPath } from './urls.ts'

export interface LoginOptions {
  /** Addresses of nodes of the facility, `https://host:port`, the best first; or a list that is shared. */
  urls: readonly string[] | NodeList
  name: string
  password: string
  deviceKey?: DeviceKey
  /** How the device is called in the registry when it must be enrolled. */
  device?: { name: string; platform?: string }
  /** Whether the key has been enrolled before: then the first attempt proves it. */
  enrolled?: boolean
  fetch?: Fetch
}

export interface Login {
  token: string
  session: Omit<LoginResult, 'token'>
  /** The device as the registry has it; null without a key, or when the session was bound at once. */
  device: DeviceDetail | null
  /**
   * `bound`: the token works only together with this device's key. `pending`: the device waits for approval, the token
   * stands alone until then; log in again afterwards. `none`: no key was given.
   */
  binding: 'bound' | 'pending' | 'none'
}

/** Refusals that speak of the device and not of the person: the password may still do. */
const deviceRefusals: readonly ErrorCode[] = [
  'device-pending',
  'device-required',
  'proof-invalid',
  'not-found',
]

/**
 * Signs a person in.
 * @throws HoldfastError `wrong-credentials`, `locked-out`, `device-revoked` and the others of auth.login;
 * UnreachableError when no node answered.
 */
export async function login(given: LoginOptions): Promise<Login> {
  const clock: NodeClock = { offsetMs: 0 }
  // One list for all steps: a challenge is answered at the node that gave it.
  const nodes = NodeList.of(given.urls)
  const options = {
    ...given,
    urls: nodes,
    fetch: timingFetch(given.fetch ?? ((url, init) => fetch(url, init)), clock),
    clock,
  }
  const { deviceKey } = options
  if (!deviceKey) return { ...(await signIn(options, false)), device: null, binding: 'none' }
  if (options.enrolled) {
    try {
      const bound = await signIn(options, true)
      if (bound.session.deviceId !== null && bound.session.deviceStatus === 'approved')
        return { ...bound, device: null, binding: 'bound' }
    } catch (error) {
      if (!(error instanceof HoldfastError) || !deviceRefusals.includes(error.code)) throw error
    }
  }
  const unbound = await signIn(options, false)
  const api = createApi({ urls: nodes, token: unbound.token, fetch: options.fetch })
  const device = await enrol(api, { ...options, deviceKey })
  if (device.status !== 'approved') return { ...unbound, device, binding: 'pending' }
  const bound = await signIn(options, true)
  // The first session has done its work; one that nobody uses is only a risk.
  await api.auth.logout.mutate()
  return { ...bound, device, binding: bound.session.deviceId === null ? 'pending' : 'bound' }
}

/**
 * Enrols a key as a device of the person that `api` is signed in as. A key that is enrolled already is found, not
 * enrolled twice.
 */
export async function enrol(
  api: Api,
  options: {
    deviceKey: DeviceKey
    device?: { name: string; platform?: string }
    clock?: NodeClock
  },
): Promise<DeviceDetail> {
  const { deviceKey, device = { name: 'unnamed device' } } = options
  const mine = await api.devices.mine.query()
  const known = mine.find((row) => row.thumbprint === deviceKey.thumbprint && row.status !== 'revoked')
  if (known) return known
  // Only the node that gave a challenge knows it, and once.
  return whileNoMajority(async () => {
    const { nonce } = await api.devices.challenge.mutate()
    const proof = await deviceKey.proof({
      htm: 'POST',
      htu: target('devices.enrol'),
      nonce,
      atMs: Date.now() + (options.clock?.offsetMs ?? 0),
    })
    return api.devices.enrol.mutate({ ...device, proof })
  })
}

type SignInOptions = LoginOptions & { urls: NodeList; fetch: Fetch; clock: NodeClock }
interface SignedIn {
  token: string
  session: Omit<LoginResult, 'token'>
}

/** Signs in; a proof that is refused because of this machine's clock is made once more by the node's. */
async function signIn(options: SignInOptions, prove: boolean): Promise<SignedIn> {
  const { clock } = options
  const before = clock.offsetMs
  try {
    return await whileNoMajority(() => attempt(options, prove))
  } catch (error) {
    const clockMoved = Math.abs(clock.offsetMs - before) >= clockToleranceMs
    if (!prove || !clockMoved || !(error instanceof HoldfastError) || error.code !== 'proof-invalid')
      throw error
    return whileNoMajority(() => attempt(options, prove))
  }
}

async function attempt(options: SignInOptions, prove: boolean): Promise<SignedIn> {
  const { urls, name, password, deviceKey, fetch, clock } = options
  // Signing in twice leaves a session that nobody uses, and does no other harm.
  const api = createApi({ urls, fetch, repeatable: true })
  const atMs = Date.now() + clock.offsetMs
  const proof =
    prove && deviceKey ? await deviceKey.proof({ htm: 'POST', htu: target('auth.login'), atMs }) : undefined
  const answer = await api.auth.login.mutate({ name, password, ...(proof ? { proof } : {}) })
  if (!('token' in answer))
    throw new HoldfastError(
      'internal',
      `${urls.best} gave no token. Is another program between here and the node?`,
    )
  const { token, ...session } = answer
  return { token, session }
}

/** How far the node's clock is ahead of this machine's, as its last answer told. */
interface NodeClock {
  offsetMs: number
}

function timingFetch(send: Fetch, clock: NodeClock): Fetch {
  return async (url, init) => {
    const response = await send(url, init)
    clock.offsetMs = clockDifference(response)
    return response
  }
}

/**
 * What a proof names as its target for a procedure. A node compares the path only, because it has many names; so a proof
 * is as good at the next node.
 */
function target(procedure: string): string {
  return `https://holdfast${trpcPath}/${procedure}`
}
