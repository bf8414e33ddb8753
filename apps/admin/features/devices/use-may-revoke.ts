import { allowed, mayRevokeDeviceOf } from '@holdfast/api/contract/policy'
import type { DeviceView } from '@holdfast/api/services'
import { useSession } from '../session/use-session.ts'

/** Whether the signed-in person may revoke this device, as the node decides it. */
export function useMayRevoke(): (device: DeviceView) => boolean {
  const { personId, role } = useSession()
  return (device) =>
    allowed('devices.revoke', role) &&
    (device.personId === personId || mayRevokeDeviceOf(role, device.personRole))
}
