'use client'

import { nodeSettingsSchema } from '@holdfast/api/contract/inputs'
import type { NodeSettingsView } from '@holdfast/api/services'
import { Button, Checkbox, Flex, Form, FormGroup, Radio, Switch, TextArea } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FieldMessage } from '../../components/form-field.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { queryClient, trpc } from '../../lib/api.ts'

interface DiscoveryFormProps {
  settings: NodeSettingsView
  isReadOnly: boolean
}

interface Values {
  enabled: boolean
  mdns: boolean
  beacon: boolean
  isByName: boolean
  names: string[]
  /** One `host:port` a line. */
  staticPeers: string
}

function valuesOf({ discovery }: NodeSettingsView): Values {
  return {
    enabled: discovery.enabled,
    mdns: discovery.mdns,
    beacon: discovery.beacon,
    isByName: discovery.interfaces !== 'lan',
    names: discovery.interfaces === 'lan' ? [] : discovery.interfaces,
    staticPeers: discovery.staticPeers.join('\n'),
  }
}

function settingsOf(values: Values) {
  return {
    discovery: {
      enabled: values.enabled,
      mdns: values.mdns,
      beacon: values.beacon,
      interfaces: values.isByName ? values.names : ('lan' as const),
      staticPeers: values.staticPeers
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    },
  }
}

/** The first static peer that is not `host:port`, in one sentence; null when all are. */
function peersError(values: Values): string | null {
  const { staticPeers } = settingsOf(values).discovery
  const one = nodeSettingsSchema.shape.discovery.shape.staticPeers
  const wrong = staticPeers.find((peer) => !one.safeParse([peer]).success)
  if (wrong !== undefined) return `“${wrong}” is not host:port, such as 10.0.4.2:7443 or node-2.example:7443.`
  return one.safeParse(staticPeers).success ? null : 'These are too many static peers; 64 is the limit.'
}

/** Whether, how and where the node announces itself. */
export function DiscoveryForm({ settings, isReadOnly }: DiscoveryFormProps) {
  const toasts = useToasts()
  const [base, setBase] = useState(() => valuesOf(settings))
  const [values, setValues] = useState(base)
  const isChanged = JSON.stringify(values) !== JSON.stringify(base)
  const wrongPeer = peersError(values)
  const set = (part: Partial<Values>) => setValues((now) => ({ ...now, ...part }))
  const update = useMutation(
    trpc.settings.updateNode.mutationOptions({
      onSuccess: (saved) => {
        queryClient.setQueryData(trpc.settings.node.queryKey(), saved)
        setBase(valuesOf(saved))
        setValues(valuesOf(saved))
        toasts.success('Discovery is saved', 'The table below shows where the node is announced now.')
      },
    }),
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (wrongPeer === null) update.mutate(settingsOf(values))
  }
  const isOff = isReadOnly || !values.enabled
  return (
    <Form onSubmit={submit} noValidate>
      <FailureAlert error={update.error} />
      <Switch
        id="discovery-enabled"
        label="Announce this node and look for others"
        isChecked={values.enabled}
        onChange={(_event, enabled) => set({ enabled })}
        isDisabled={isReadOnly}
      />
      <FormGroup role="group" label="How" fieldId="discovery-how">
        <Checkbox
          id="discovery-mdns"
          label="mDNS (Bonjour, Avahi)"
          description="Clients and computers on the same network find the node by name."
          isChecked={values.mdns}
          onChange={(_event, mdns) => set({ mdns })}
          isDisabled={isOff}
        />
        <Checkbox
          id="discovery-beacon"
          label="Signed beacons"
          description="Small UDP packets on port 7447 by which nodes recognise each other."
          isChecked={values.beacon}
          onChange={(_event, beacon) => set({ beacon })}
          isDisabled={isOff}
        />
      </FormGroup>
      <FormGroup role="radiogroup" label="Where" fieldId="discovery-where">
        <Radio
          id="discovery-lan"
          name="discovery-where"
          label="On every interface of the local network"
          isChecked={!values.isByName}
          onChange={() => set({ isByName: false })}
          isDisabled={isOff}
        />
        <Radio
          id="discovery-named"
          name="discovery-where"
          label="Only on the interfaces chosen here"
          isChecked={values.isByName}
          onChange={() => set({ isByName: true })}
          isDisabled={isOff}
        />
        {values.isByName && (
          <div className="hf-indent">
            {[...new Set([...settings.interfaces.map((each) => each.name), ...values.names])].map((name) => (
              <Checkbox
                key={name}
                id={`discovery-interface-${name}`}
                label={name}
                isChecked={values.names.includes(name)}
                onChange={(_event, checked) =>
                  set({
                    names: checked ? [...values.names, name] : values.names.filter((each) => each !== name),
                  })
                }
                isDisabled={isOff}
              />
            ))}
          </div>
        )}
      </FormGroup>
      <FormGroup label="Static peers" fieldId="discovery-peers">
        <TextArea
          id="discovery-peers"
          value={values.staticPeers}
          onChange={(_event, staticPeers) => set({ staticPeers })}
          validated={wrongPeer === null ? 'default' : 'error'}
          aria-describedby="discovery-peers-help"
          className="hf-code"
          rows={3}
          resizeOrientation="vertical"
          spellCheck={false}
          isDisabled={isReadOnly}
        />
        <FieldMessage
          id="discovery-peers-help"
          error={wrongPeer}
          help="Nodes that no announcement reaches, one host:port a line."
        />
      </FormGroup>
      {!isReadOnly && (
        <Flex gap={{ default: 'gapSm' }}>
          <Button
            type="submit"
            isDisabled={!isChanged || wrongPeer !== null || update.isPending}
            isLoading={update.isPending}
          >
            Save
          </Button>
          {isChanged && (
            <Button
              variant="link"
              isDisabled={update.isPending}
              onClick={() => {
                update.reset()
                setValues(base)
              }}
            >
              Discard changes
            </Button>
          )}
        </Flex>
      )}
    </Form>
  )
}
