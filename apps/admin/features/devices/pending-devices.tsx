'use client'

import type { DeviceView } from '@holdfast/api/services'
import {
  Button,
  Card,
  CardBody,
  CardHeader,
  CardTitle,
  DataList,
  DataListAction,
  DataListCell,
  DataListItem,
  DataListItemCells,
  DataListItemRow,
} from '@patternfly/react-core'
import { CopyableText } from '../../components/copyable-text.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { count } from '../../lib/format.ts'

interface PendingDevicesProps {
  devices: DeviceView[]
  total: number
  approvingId: string | null
  /** Absent when the role may not. */
  onApprove?: (device: DeviceView) => void
  onRefuse?: (device: DeviceView) => void
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
        <p className="hf-subtle">
          Compare the key thumbprint with the one that the person reads to you from the device before you
          approve.
        </p>
        <DataList aria-label="Devices waiting for approval" isCompact>
          {devices.map((device) => (
            <DataListItem key={device.id} aria-labelledby={`pending-${device.id}`}>
              <DataListItemRow>
                <DataListItemCells
                  dataListCells={[
                    <DataListCell key="name" width={2} wrapModifier="breakWord">
                      <Button variant="link" isInline onClick={() => props.onOpen(device)}>
                        <strong id={`pending-${device.id}`} dir="auto">
                          {device.name}
                        </strong>
                      </Button>
                      <div className="hf-subtle" dir="auto">
                        {[device.personName, device.platform].filter((part) => part !== '').join(' · ')}
                      </div>
                    </DataListCell>,
                    <DataListCell key="key">
                      <CopyableText text={device.thumbprint} label="key thumbprint" shown={thumbprintShown} />
                    </DataListCell>,
                    <DataListCell key="age">
                      <span className="hf-subtle">
                        enrolled <RelativeTime at={device.enrolledAt} />
                      </span>
                    </DataListCell>,
                  ]}
                />
                <DataListAction
                  id={`pending-${device.id}-actions`}
                  aria-labelledby={`pending-${device.id}`}
                  aria-label="Decide"
                >
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
                  {props.onRefuse && (
                    <Button
                      size="sm"
                      variant="secondary"
                      isDanger
                      aria-label={`Refuse ${device.name}`}
                      onClick={() => props.onRefuse?.(device)}
                    >
                      Refuse
                    </Button>
                  )}
                </DataListAction>
              </DataListItemRow>
            </DataListItem>
          ))}
        </DataList>
      </CardBody>
    </Card>
  )
}
