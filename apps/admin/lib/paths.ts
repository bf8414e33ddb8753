/** Every address of the admin UI. Ids travel in the query string because a static export has no dynamic routes. */
const withId = (path: string, id?: string) =>
  id === undefined ? path : `${path}?id=${encodeURIComponent(id)}`

export const settingsTabs = ['facility', 'node', 'certificates', 'backups', 'updates', 'account'] as const
export type SettingsTab = (typeof settingsTabs)[number]

export const paths = {
  overview: () => '/',
  cluster: () => '/cluster',
  setup: () => '/setup',
  login: (options: { next?: string; reason?: string } = {}) => {
    const query = new URLSearchParams()
    if (options.next !== undefined && options.next !== '/') query.set('next', options.next)
    if (options.reason !== undefined) query.set('reason', options.reason)
    return query.size > 0 ? `/login?${query}` : '/login'
  },
  messages: (channel?: string) => withId('/messages', channel),
  /** The direct channel with a person, made when there is none yet. */
  direct: (person: string) => `/messages?person=${encodeURIComponent(person)}`,
  /** One message in its channel. */
  message: (channel: string, seq: number) => `${withId('/messages', channel)}&seq=${seq}`,
  presence: () => '/presence',
  people: (person?: string) => withId('/people', person),
  devices: (device?: string) => withId('/devices', device),
  channels: (channel?: string) => withId('/channels', channel),
  audit: (seq?: number) => withId('/audit', seq?.toString()),
  settings: (tab?: SettingsTab) => (tab === undefined ? '/settings' : `/settings?tab=${tab}`),
  /** The certificate of the node's internal CA, as PEM. */
  caCertificate: () => '/ca.pem',
  health: () => '/healthz',
} as const

/** Stands for this node while a path is looked at; no host can have this name (RFC 6761, section 6.4). */
const here = 'https://here.invalid'

/**
 * Whether `path` is an address of this UI: a login must never send anybody to another host. The browser's own parser
 * decides, because it drops tabs and line ends and takes a backslash for a slash.
 */
export function isOwnPath(path: string): boolean {
  return path.startsWith('/') && URL.canParse(path, here) && new URL(path, here).origin === here
}
