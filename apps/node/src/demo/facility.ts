/** The invented facility of the demo: a harbour with an international crew. Nothing here exists. */
import type { ChannelKind } from '@holdfast/api/contract/names'
import type { Role } from '@holdfast/api/contract/policy'

export const facilityName = 'Port of Kaldvik'
export const nodeName = 'kaldvik-1'
/** The harbour master, as whom the visitor signs in. */
export const ownerName = 'ingrid'
/** Everybody's password. It stands in the sources, so the demo listens on loopback only. */
export const demoPassword = 'pilot-boat-at-dawn'

export interface DemoPerson {
  name: string
  displayName: string
  role: Role
  kind: 'person' | 'service'
  groups: readonly string[]
  /** Connects and talks while the demo runs. */
  live: boolean
  /** The enrolled device; only people with one are live. */
  device: DemoDevice | null
}

export interface DemoDevice {
  name: string
  platform: string
  site: string
  tags: readonly string[]
}

export interface DemoGroup {
  name: string
  description: string
}

export interface DemoChannel {
  name: string
  kind: Exclude<ChannelKind, 'direct'>
  topic: string
  groups: readonly string[]
  members: readonly string[]
  /** announcement: who may write beside its manager. */
  posters?: readonly string[]
  /** Who makes it and is its manager. */
  by: string
  retentionDays?: number
  archived?: true
  /** Share of the talk. */
  weight: number
}

export const groups: readonly DemoGroup[] = [
  { name: 'traffic-centre', description: 'Vessel traffic service, watch of four' },
  { name: 'pilots', description: 'Harbour pilots and pilot boat' },
  { name: 'tug-crews', description: 'Crews of Bjarka, Ternen and Storegg' },
  { name: 'berth-office', description: 'Berth planning and port dues' },
  { name: 'cranes-and-yard', description: 'Crane drivers and yard planning' },
  { name: 'gate-and-customs', description: 'Gates north and south, customs liaison' },
  { name: 'security-watch', description: 'ISPS watch, cameras and patrols' },
  { name: 'technical', description: 'Electrical, mechanical, radio and networks' },
]

type Row = [name: string, displayName: string, role: Role, groups: string, device?: string]

/** Devices are written as name | platform | site | tags; a person with one is live. */
const rows: readonly Row[] = [
  ['ingrid', 'Ingrid Solheim', 'owner', ''],
  [
    'tomasz',
    'Tomasz Wiśniewski',
    'security',
    'security-watch',
    'Watch desk 1|Debian 13|Security centre|fixed',
  ],
  ['hanae', '佐藤 華恵', 'security', 'security-watch'],
  ['elin', 'Elin Bergström', 'operator', 'technical', 'Elin’s ThinkPad|Debian 13|Server room|laptop'],
  ['dmytro', 'Дмитро Коваленко', 'operator', 'technical'],
  ['bram', 'Bram de Wit', 'installer', ''],
  ['katerina', 'Κατερίνα Παπαδοπούλου', 'auditor', ''],
  ['amina', 'أمينة الحسن', 'helpdesk', 'berth-office', 'Front desk|Windows 11|Harbour office|fixed'],
  ['luis', 'Luís Ferreira', 'helpdesk', 'technical'],
  ['sigrid', 'Sigrid Nygård', 'member', 'traffic-centre', 'VTS console A|Debian 13|VTS tower|fixed,watch'],
  ['rashid', 'راشد العامري', 'member', 'traffic-centre', 'VTS console B|Debian 13|VTS tower|fixed,watch'],
  ['maeve', 'Maeve O’Sullivan', 'member', 'traffic-centre'],
  ['jonas', 'Jonas Lindqvist', 'member', 'traffic-centre', 'VTS supervisor|Windows 11|VTS tower|fixed'],
  ['haakon', 'Håkon Strand', 'member', 'pilots', 'Pilot tablet 1|iPadOS 26|Pilot boat|handheld'],
  ['yiannis', 'Γιάννης Δημητρίου', 'member', 'pilots', 'Pilot tablet 2|iPadOS 26|Pilot boat|handheld'],
  ['oksana', 'Оксана Мельник', 'member', 'pilots', 'Pilot tablet 3|iPadOS 26|Pilot station|handheld'],
  ['pieter', 'Pieter van Dijk', 'member', 'pilots'],
  ['minjun', '김민준', 'member', 'pilots'],
  ['bjorn', 'Bjørn Aasen', 'member', 'tug-crews', 'Bridge Bjarka|Android 16|Tug Bjarka|vessel'],
  ['marek', 'Marek Dvořák', 'member', 'tug-crews', 'Bridge Ternen|Android 16|Tug Ternen|vessel'],
  ['ana', 'Ana Kovačević', 'member', 'tug-crews'],
  ['wei', '王伟', 'member', 'tug-crews', 'Bridge Storegg|Android 16|Tug Storegg|vessel'],
  ['tevita', 'Tevita Faleolo', 'member', 'tug-crews'],
  ['lucia', 'Lucía Fernández', 'member', 'berth-office', 'Berth desk|Windows 11|Harbour office|fixed'],
  ['priya', 'प्रिया शर्मा', 'member', 'berth-office', 'Priya’s tablet|Android 16|Harbour office|handheld'],
  ['claire', 'Claire Dubois', 'member', 'berth-office'],
  ['ivan', 'Иван Петров', 'member', 'cranes-and-yard', 'Crane 3 cabin|Android 16|Container quay|rugged'],
  ['joseph', 'Joseph Okafor', 'member', 'cranes-and-yard', 'Yard truck 12|Android 16|Container yard|rugged'],
  ['thao', 'Nguyễn Thị Thảo', 'member', 'cranes-and-yard'],
  ['somchai', 'สมชาย วงศ์สวัสดิ์', 'member', 'cranes-and-yard'],
  ['nino', 'ნინო ბერიძე', 'member', 'cranes-and-yard'],
  ['erik', 'Erik Johansen', 'member', 'gate-and-customs', 'Gate north kiosk|Debian 13|Gate north|fixed'],
  ['fatima', 'Fatima Zahra Bennani', 'member', 'gate-and-customs'],
  ['david', 'דוד לוי', 'member', 'gate-and-customs'],
  ['greta', 'Greta Müller', 'member', 'gate-and-customs'],
  [
    'olumide',
    'Olúmídé Adéyẹmí',
    'member',
    'security-watch',
    'Patrol handset 4|Android 16|Gate south|handheld',
  ],
  ['sven', 'Sven Halvorsen', 'member', 'security-watch'],
  ['leila', 'لیلا رضایی', 'member', 'security-watch'],
  ['anil', 'அனில் குமார்', 'member', 'technical', 'Workshop tablet|Android 16|Workshop|rugged'],
  ['petra', 'Petra Novák', 'member', 'technical'],
  ['gunnar', 'Gunnar Þórsson', 'member', 'technical'],
  ['rosa', 'Rosa Giordano', 'member', ''],
  ['viktor', 'Viktor Hansen', 'member', 'gate-and-customs'],
]

export const people: readonly DemoPerson[] = [
  ...rows.map(([name, displayName, role, group, device]) => ({
    name,
    displayName,
    role,
    kind: 'person' as const,
    groups: group === '' ? [] : [group],
    live: device !== undefined,
    device: device === undefined ? null : parseDevice(device),
  })),
  {
    name: 'weather-mast',
    displayName: 'Weather mast, north mole',
    role: 'member',
    kind: 'service',
    groups: [],
    live: true,
    device: parseDevice('Weather mast|Linux 6.12, ARM|North mole|sensor'),
  },
]

function parseDevice(text: string): DemoDevice {
  const [name = '', platform = '', site = '', tags = ''] = text.split('|')
  return { name, platform, site, tags: tags.split(',') }
}

/** Devices beside those of the live people, with what became of them. */
export const otherDevices: readonly (DemoDevice & {
  person: string
  fate: 'pending' | 'revoked'
  reason?: string
})[] = [
  { person: 'maeve', name: 'Maeve’s phone', platform: 'Android 16', site: 'main', tags: [], fate: 'pending' },
  {
    person: 'petra',
    name: 'Workshop laptop',
    platform: 'Debian 13',
    site: 'main',
    tags: [],
    fate: 'pending',
  },
  { person: 'claire', name: 'Loan tablet 3', platform: 'iPadOS 26', site: 'main', tags: [], fate: 'pending' },
  {
    person: 'ana',
    name: 'Deck handset',
    platform: 'Android 15',
    site: 'Tug Ternen',
    tags: ['vessel'],
    fate: 'revoked',
    reason: 'Lost over the side at berth 6',
  },
  {
    person: 'viktor',
    name: 'Gate south kiosk',
    platform: 'Windows 11',
    site: 'Gate south',
    tags: ['fixed'],
    fate: 'revoked',
    reason: 'Person has left the port',
  },
  {
    person: 'nino',
    name: 'Yard truck 7',
    platform: 'Android 14',
    site: 'Container yard',
    tags: ['rugged'],
    fate: 'revoked',
    reason: 'Replaced, system out of support',
  },
]

export const channels: readonly DemoChannel[] = [
  {
    name: 'harbour-notices',
    kind: 'announcement',
    topic: 'Orders and notices of the harbour master',
    groups: groups.map((group) => group.name),
    members: ['rosa'],
    posters: ['jonas', 'lucia'],
    by: 'ingrid',
    weight: 2,
  },
  {
    name: 'safety-alerts',
    kind: 'announcement',
    topic: 'Man overboard, spills, gas, fire: read at once',
    groups: groups.map((group) => group.name),
    members: ['rosa'],
    posters: ['sigrid', 'rashid', 'tomasz'],
    by: 'ingrid',
    weight: 1.5,
  },
  {
    name: 'traffic',
    kind: 'group',
    topic: 'Arrivals, departures, fairway',
    groups: ['traffic-centre', 'pilots', 'tug-crews'],
    members: ['lucia'],
    by: 'ingrid',
    weight: 14,
  },
  {
    name: 'pilotage',
    kind: 'group',
    topic: 'Pilot orders and boarding',
    groups: ['pilots'],
    members: ['sigrid', 'jonas'],
    by: 'ingrid',
    weight: 9,
  },
  {
    name: 'tugs',
    kind: 'group',
    topic: 'Tug orders, lines and bunkers',
    groups: ['tug-crews'],
    members: ['rashid'],
    by: 'ingrid',
    weight: 8,
  },
  {
    name: 'berth-planning',
    kind: 'group',
    topic: 'Who lies where, and until when',
    groups: ['berth-office'],
    members: ['sigrid', 'ivan'],
    by: 'ingrid',
    weight: 9,
  },
  {
    name: 'cranes-and-yard',
    kind: 'group',
    topic: 'Crane orders, stacks, reefers',
    groups: ['cranes-and-yard'],
    members: ['lucia', 'priya', 'anil'],
    by: 'ingrid',
    weight: 10,
  },
  {
    name: 'gate',
    kind: 'group',
    topic: 'Trucks, seals, customs holds',
    groups: ['gate-and-customs'],
    members: ['amina', 'joseph', 'olumide'],
    by: 'elin',
    weight: 8,
  },
  {
    name: 'security-watch',
    kind: 'group',
    topic: 'ISPS level 1 since 3 March',
    groups: ['security-watch'],
    members: ['erik'],
    by: 'tomasz',
    weight: 6,
  },
  {
    name: 'maintenance',
    kind: 'group',
    topic: 'Faults, permits to work, lock-out',
    groups: ['technical'],
    members: ['ivan', 'joseph'],
    by: 'ingrid',
    weight: 8,
  },
  {
    name: 'weather-and-tide',
    kind: 'open',
    topic: 'Wind, swell and tide from the north mole, every half hour',
    groups: ['pilots', 'tug-crews', 'traffic-centre'],
    members: ['weather-mast', 'ivan'],
    by: 'ingrid',
    retentionDays: 14,
    weight: 0,
  },
  {
    name: 'mess-room',
    kind: 'open',
    topic: 'Food, lifts home, lost and found',
    groups: [],
    members: ['rosa', 'sigrid', 'bjorn', 'ivan', 'priya', 'erik', 'anil', 'oksana', 'joseph', 'wei', 'amina'],
    by: 'ingrid',
    weight: 7,
  },
  {
    name: 'quay-4-deepening-works-coordination-with-the-dredging-contractor',
    kind: 'group',
    topic: 'Dredger Skuld: working hours, spoil, soundings, claims',
    groups: ['berth-office'],
    members: ['haakon', 'jonas', 'anil'],
    by: 'ingrid',
    weight: 4,
  },
  {
    name: 'winter-storm-drill',
    kind: 'group',
    topic: 'Drill of last month',
    groups: ['tug-crews', 'security-watch'],
    members: ['sigrid'],
    by: 'ingrid',
    archived: true,
    weight: 2,
  },
]

/** Pairs who talk in a direct channel. */
export const directs: readonly (readonly [string, string])[] = [
  ['ingrid', 'sigrid'],
  ['ingrid', 'tomasz'],
  ['ingrid', 'elin'],
  ['ingrid', 'haakon'],
  ['ingrid', 'lucia'],
  ['ingrid', 'rashid'],
  ['haakon', 'bjorn'],
  ['amina', 'priya'],
  ['ivan', 'anil'],
  ['wei', 'marek'],
]
