'use client'

import { Label, LabelGroup, Tooltip } from '@patternfly/react-core'
import { RelativeTime } from '../../components/relative-time.tsx'
import type { PresentPerson } from './summary.ts'

const shown = 3

/** What a connection is called that is no enrolled device: by its program, as far as people know it. */
function nameOf({ id, name }: PresentPerson['devices'][number]): string {
  if (id === null && name.startsWith('holdfast-browser')) return 'Browser'
  return name || 'Browser or terminal'
}

/** The devices that somebody is here with, each with its own state. */
export function PresenceDevices({ person }: { person: PresentPerson }) {
  if (person.devices.length === 0) return <span className="hf-subtle">none connected</span>
  return (
    <LabelGroup numLabels={shown} aria-label={`Devices of ${person.displayName}`}>
      {person.devices.map((device, index) => (
        <Tooltip
          // A browser session has no device id; two of them differ only by their place.
          key={device.id ?? `session-${index}`}
          content={
            <>
              {[device.platform, device.site].filter((part) => part !== '').join(' · ')}
              {device.platform !== '' || device.site !== '' ? ', ' : ''}
              {device.state} since <RelativeTime at={device.since} />
            </>
          }
        >
          <Label
            isCompact
            variant="outline"
            status={device.state === 'online' ? 'success' : 'warning'}
            textMaxWidth="14rem"
            tabIndex={0}
          >
            {nameOf(device)}
          </Label>
        </Tooltip>
      ))}
    </LabelGroup>
  )
}
