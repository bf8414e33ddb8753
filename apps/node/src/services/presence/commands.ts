import type { Applying } from '../../state/applying.ts'
import type { SeenCommand } from '../../state/commands.ts'

/** Remembers last signs of life; memory takes them from presence itself, so nothing is told. Of erased people nothing is kept. */
export function applySeen(applying: Applying, [, people, devices]: SeenCommand): void {
  for (const [id, at] of people)
    applying.run(
      "UPDATE person SET lastSeenAt = max(coalesce(lastSeenAt, 0), ?) WHERE id = ? AND status != 'erased'",
      at,
      id,
    )
  for (const [id, at] of devices)
    applying.run('UPDATE device SET lastSeenAt = max(coalesce(lastSeenAt, 0), ?) WHERE id = ?', at, id)
}
