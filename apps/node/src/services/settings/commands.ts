import { type Handler, refuse } from '../../state/applying.ts'
import { storeSetting } from '../../state/store-setting.ts'

/** Facility-wide policy is one versioned document, so that two administrators cannot overwrite each other unseen. */
const update: Handler<{ version: number; policy: Record<string, unknown>; facility: string | null }> = (
  applying,
  p,
  actor,
) => {
  const current = applying.directory.settings.get('policy')
  if (current !== undefined && current.version !== p.version)
    refuse('conflict', 'Somebody changed the settings meanwhile; look at them again.')
  const before = (current?.value ?? {}) as Record<string, unknown>
  const after = { ...before, ...p.policy }
  storeSetting(applying, 'policy', after)
  if (p.facility !== null) {
    applying.run(
      "UPDATE setting SET value = ?, version = version + 1, updatedAt = ? WHERE key = 'facility'",
      JSON.stringify(p.facility),
      applying.at,
    )
    applying.changed('setting', 'facility')
  }
  const changed = Object.fromEntries(
    Object.keys(p.policy).map((key) => [key, { before: before[key] ?? null, after: p.policy[key] }]),
  )
  applying.audit(actor, {
    action: 'settings.changed',
    target: 'facility',
    detail: p.facility === null ? changed : { ...changed, facility: p.facility },
  })
}

/** A node's own settings live on the node; that they changed is told everywhere. */
const nodeChanged: Handler<{ node: string; settings: Record<string, unknown> }> = (applying, p, actor) => {
  applying.audit(actor, { action: 'settings.node-changed', target: p.node, detail: p.settings })
}

export const settingsHandlers = { 'settings.update': update, 'settings.node': nodeChanged }
