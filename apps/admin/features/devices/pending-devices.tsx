'use client'

import type { DeviceView } from '@holdfast/api/services'
import { Button, Card, CardBody, CardHeader, CardTitle } from '@patternfly/react-core'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { count } from '../../lib/format.ts'
import css from './devices.module.css'

interface PendingDevicesProps {
  devices: DeviceView[]
  total: number
  approvingId: string | null
  /** Absent when the role may not. */
  onApprove?: (device: DeviceView) => void
  mayRefuse: (device: DeviceView) => boolean
  onRefuse: (device: DeviceView) => void
  onOpen: (device: DeviceView) => void
}

const thumbprintShown = 16

/** Devices that wait for a decision, above everything else, with what is needed to decide. */
export function PendingDevices(props: PendingDevicesProps) {
  const { devices, total, approvingId } = props
  return (
    <Card isCompact>
      <CardHeader>
        <CardTitle component="h2">{count(total, 'device')} waiting for approval</CardTitle>
      </CardHeader>
      <CardBody>
        <p className={`hf-subtle ${css.advice}`}>
          Compare the key thumbprint with the one that the person reads to you from the device before you
          approve.
        </p>
        <ul className={css.pending} aria-label="Devices waiting for approval">
          {devices.map((device) => (
            <li key={device.id}>
              <div className={css.name}>
                <Button variant="link" isInline onClick={() => props.onOpen(device)}>
                  <Ellipsis text={device.name} />
                </Button>
                <div className="hf-subtle" dir="auto">
                  {[device.personName, device.platform].filter((part) => part !== '').join(' · ')}
                </div>
              </div>
              <CopyableText text={device.thumbprint} label="key thumbprint" shown={thumbprintShown} />
              <span className="hf-subtle">
                enrolled <RelativeTime at={device.enrolledAt} />
              </span>
              <div className={css.decide}>
                {props.onApprove && (
                  <Button
                    size="sm"
                    isLoading={approvingId === device.id}
                    isDisabled={approvingId !== null}
                    aria-label={`Approve ${device.name}`}
                    onClick={() => props.onApprove?.(device)}
                  >
                    Approve
                  </Button>
                )}
                {props.mayRefuse(device) && (
                  <Button
                    size="sm"
                    variant="secondary"
                    isDanger
                    aria-label={`Refuse ${device.name}`}
                    onClick={() => props.onRefuse(device)}
                  >
                    Refuse
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      </CardBody>
    </Card>
  )
}
