import type { Applying } from './applying.ts'

/** Replaces a replicated setting, whose version counts the changes. */
export function storeSetting(applying: Applying, key: string, value: unknown): void {
  applying.run(
    'INSERT INTO setting (key, value, updatedAt) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = version + 1, updatedAt = excluded.updatedAt',
    key,
    JSON.stringify(value),
    applying.at,
  )
  applying.changed('setting', key)
}
