'use client'
import { createBrowserKey, loadBrowserKey, removeBrowserKey } from '@holdfast/api/client/browser-key-store'
import type { DeviceKey } from '@holdfast/api/client/device-key'
import { enrol } from '@holdfast/api/client/login'
import { limits } from '@holdfast/api/contract/limits'
import {
  Alert,
  Button,
  Content,
  Form,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  ModalBody,
  ModalFooter,
  ModalHeader,
  Spinner,
  TextInput,
} from '@patternfly/react-core'
import { LaptopIcon } from '@patternfly/react-icons/dist/esm/icons/laptop-icon'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { CopyableText } from '../../components/copyable-text.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { Facts } from '../../components/facts.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { api, queryClient, trpc } from '../../lib/api.ts'
import { browserKeyOptions } from '../../lib/browser-proof.ts'
import { browserName, platformName } from './browser-name.ts'
import css from './messages.module.css'
import { useBrowserDevice } from './use-browser-device.ts'

/** Whether this browser is one of the person's devices, with the way to make it one. */
export function BrowserDeviceButton() {
  const [isOpen, setIsOpen] = useState(false)
  const { device, isLoaded } = useBrowserDevice()
  return (
    <div className={css.device}>
      <Button variant="link" isInline icon={<LaptopIcon />} onClick={() => setIsOpen(true)}>
        This browser
      </Button>
      {isLoaded &&
        (device ? <StatusLabel status={device.status} /> : <span className={css.subtle}>not enrolled</span>)}
      {isOpen && <BrowserDeviceDialog onClose={() => setIsOpen(false)} />}
    </div>
  )
}

function BrowserDeviceDialog({ onClose }: { onClose: () => void }) {
  const { key, mine, device, isLoaded } = useBrowserDevice()
  return (
    <Dialog variant="small" isOpen onClose={onClose} aria-labelledby="device-title">
      <ModalHeader
        title="This browser as a device"
        labelId="device-title"
        description="An enrolled browser proves a key of its own, so that a stolen password or cookie is of no use elsewhere."
      />
      <ModalBody>
        <FailureAlert error={key.error ?? mine.error} />
        {!isLoaded ? (
          key.error === null && mine.error === null && <Spinner aria-label="Loading" />
        ) : device === undefined ? (
          <EnrolForm />
        ) : (
          <EnrolledDevice device={device} deviceKey={key.data ?? null} />
        )}
      </ModalBody>
      <ModalFooter>
        <Button variant="secondary" onClick={onClose}>
          Close
        </Button>
      </ModalFooter>
    </Dialog>
  )
}

function EnrolForm() {
  const toasts = useToasts()
  const [name, setName] = useState(() => browserName(navigator.userAgent))
  const work = useMutation({
    mutationFn: async (deviceName: string) => {
      const deviceKey = (await loadBrowserKey()) ?? (await createBrowserKey())
      return enrol(api, {
        deviceKey,
        device: { name: deviceName, platform: platformName(navigator.userAgent) },
      })
    },
    onSuccess: async (device) => {
      toasts.success(
        `${device.name} is enrolled`,
        device.status === 'approved' ? 'It is approved.' : 'It waits for approval.',
      )
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: browserKeyOptions.queryKey }),
        queryClient.invalidateQueries(trpc.devices.pathFilter()),
      ])
    },
  })
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault()
        if (name.trim() !== '') work.mutate(name.trim())
      }}
    >
      <FormGroup label="Name of this browser" fieldId="browser-name" isRequired>
        <TextInput
          id="browser-name"
          value={name}
          isRequired
          maxLength={limits.displayNameLength}
          onChange={(_event, value) => setName(value)}
        />
        <FormHelperText>
          <HelperText>
            <HelperTextItem>
              The key is made in this browser and can not be copied out of it. Whoever approves devices sees
              this name.
            </HelperTextItem>
          </HelperText>
        </FormHelperText>
      </FormGroup>
      <FailureAlert error={work.error} />
      <div>
        <Button type="submit" isLoading={work.isPending} isDisabled={work.isPending || name.trim() === ''}>
          Enrol this browser
        </Button>
      </div>
    </Form>
  )
}

type MyDevice = NonNullable<ReturnType<typeof useBrowserDevice>['device']>

function EnrolledDevice({ device, deviceKey }: { device: MyDevice; deviceKey: DeviceKey | null }) {
  const forget = useMutation({
    mutationFn: removeBrowserKey,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: browserKeyOptions.queryKey }),
  })
  return (
    <>
      {device.status === 'pending' && (
        <Alert variant="info" isInline title="Waiting for approval">
          Read the key thumbprint to whoever approves devices, so that he approves yours and no other.
        </Alert>
      )}
      {device.status === 'revoked' && (
        <Alert variant="danger" isInline title="This device was revoked">
          Its key is refused for good. Forget the key here to enrol this browser again with a new one.
        </Alert>
      )}
      <Facts
        label="This browser"
        facts={[
          { term: 'Name', value: device.name },
          { term: 'Status', value: <StatusLabel status={device.status} /> },
          {
            term: 'In use',
            value: device.status === 'approved' && 'The connection of this page is proved with this key.',
          },
          {
            term: 'Key thumbprint (RFC 7638)',
            value: deviceKey && <CopyableText text={deviceKey.thumbprint} label="key thumbprint" isWrapped />,
          },
          { term: 'Enrolled', value: <RelativeTime at={device.enrolledAt} /> },
          {
            term: 'Certificate expires',
            value: device.expiresAt !== null && <RelativeTime at={device.expiresAt} />,
          },
        ]}
      />
      <FailureAlert error={forget.error} />
      {device.status === 'revoked' && (
        <Content>
          <Button variant="secondary" isLoading={forget.isPending} onClick={() => forget.mutate()}>
            Forget this key
          </Button>
        </Content>
      )}
    </>
  )
}
