import { limits } from '@holdfast/api/contract/limits'
import type { FacilitySettings } from '@holdfast/api/services'
import type { Directory } from '../../state/directory.ts'

/** What a new facility starts with. */
export const defaultPolicy = {
  deviceApproval: 'manual',
  deviceRequired: false,
  sessionDays: limits.sessionMs / 86_400_000,
  lockoutAttempts: 5,
  passwordMinLength: limits.passwordMinLength,
  defaultRetentionDays: null,
} as const satisfies Omit<FacilitySettings, 'facility' | 'version'>

/** The facility's policy as memory has it, with defaults for what an older version did not know. */
export function facilitySettings(directory: Directory): FacilitySettings {
  const held = directory.settings.get('policy')
  return {
    ...defaultPolicy,
    ...(held?.value as Partial<FacilitySettings>),
    facility: directory.setting('facility', ''),
    version: held?.version ?? 0,
  }
}
