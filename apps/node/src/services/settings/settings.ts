import type * as input from '@holdfast/api/contract/inputs'
import type { Caller, FacilitySettings, NodeSettings, NodeSettingsView } from '@holdfast/api/services'
import type { Proposer } from '../../log/proposer.ts'
import type { Directory } from '../../state/directory.ts'
import { callerActor } from '../auth/auth.ts'
import { facilitySettings } from './policy.ts'

/** What this node keeps for itself, and how a change takes effect. */
export interface NodeSettingsStore {
  read(): NodeSettings
  view(): NodeSettingsView
  change(settings: NodeSettings): Promise<void>
}

export class SettingsService {
  private readonly directory: Directory
  private readonly proposer: Proposer
  private readonly nodeId: string
  private readonly store: NodeSettingsStore

  constructor(options: {
    directory: Directory
    proposer: Proposer
    nodeId: string
    store: NodeSettingsStore
  }) {
    this.directory = options.directory
    this.proposer = options.proposer
    this.nodeId = options.nodeId
    this.store = options.store
  }

  get(): FacilitySettings {
    return facilitySettings(this.directory)
  }

  async update(
    { version, facility, ...policy }: input.SettingsUpdate,
    caller: Caller,
  ): Promise<FacilitySettings> {
    const given = Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined))
    await this.proposer.propose('settings.update', callerActor(caller), {
      version,
      policy: given,
      facility: facility ?? null,
    })
    return this.get()
  }

  node(): NodeSettingsView {
    return this.store.view()
  }

  async updateNode(settings: NodeSettings, caller: Caller): Promise<NodeSettingsView> {
    await this.store.change(settings)
    await this.proposer.propose('settings.node', callerActor(caller), {
      node: this.nodeId,
      settings: { ...settings },
    })
    return this.store.view()
  }
}
