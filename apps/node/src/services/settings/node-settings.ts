import { nodeSettingsSchema } from '@holdfast/api/contract/inputs'
import type { NodeSettings, NodeSettingsView } from '@holdfast/api/services'
import type Database from 'better-sqlite3'
import type { Clock } from '../../platform/clock.ts'
import type { Discovery } from '../discovery/discovery.ts'
import type { NodeSettingsStore } from './settings.ts'

const key = 'settings'

export const defaultNodeSettings: NodeSettings = {
  discovery: { enabled: true, mdns: true, beacon: true, interfaces: 'lan', staticPeers: [] },
}

/** This node's own settings, kept in node.db. */
export class NodeSettingsFile implements NodeSettingsStore {
  private readonly db: Database.Database
  private readonly clock: Clock
  private discovery: Discovery | null = null

  constructor(db: Database.Database, clock: Clock) {
    this.db = db
    this.clock = clock
  }

  /** Discovery starts after the settings are read, and follows them from then on. */
  attach(discovery: Discovery): void {
    this.discovery = discovery
  }

  /** What is stored; defaults where nothing, or nothing readable, is. */
  read(): NodeSettings {
    const text = this.db.prepare('SELECT value FROM node_setting WHERE key = ?').pluck().get(key) as
      | string
      | undefined
    if (text === undefined) return defaultNodeSettings
    const parsed = nodeSettingsSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : defaultNodeSettings
  }

  view(): NodeSettingsView {
    const interfaces = this.discovery?.state().interfaces ?? []
    return {
      ...this.read(),
      interfaces: interfaces.map(({ name, addresses, announced, reason }) => ({
        name,
        addresses: addresses.map((a) => a.address),
        announced,
        reason,
      })),
    }
  }

  async change(settings: NodeSettings): Promise<void> {
    await this.discovery?.update(settings.discovery)
    this.db
      .prepare(
        'INSERT INTO node_setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, updatedAt = excluded.updatedAt',
      )
      .run(key, JSON.stringify(settings), this.clock.now())
  }
}
