'use client'

import type { ClusterView } from '@holdfast/api/cluster-services'
import { limits } from '@holdfast/api/contract/limits'
import {
  Button,
  Content,
  Form,
  FormGroup,
  ModalBody,
  ModalFooter,
  ModalHeader,
  Radio,
} from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { FormField } from '../../components/form-field.tsx'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { checkCode, checkNodeName } from '../setup/draft.ts'
import { AddProgress } from './add-progress.tsx'
import css from './cluster.module.css'
import { checkPlace, parsePlace } from './place.ts'
import { refreshCluster } from './refresh.ts'
import type { FoundNode } from './waiting-nodes.ts'

interface AddNodeDialogProps {
  view: ClusterView
  nodes: FoundNode[]
  /** The one whose button was pressed. */
  initial: FoundNode | null
  onInvite: () => void
  onClose: () => void
}

type Errors = Partial<Record<'place' | 'code' | 'name', string | null>>

const urlHost = (address: string) => (address.includes(':') ? `[${address}]` : address)
const placeOf = (node: FoundNode | null) =>
  node === null ? '' : `${urlHost(node.addresses[0] ?? '')}:${node.port}`

/** Takes in a node by the code on its own screen, and watches until it has a vote. */
export function AddNodeDialog({ view, nodes, initial, onInvite, onClose }: AddNodeDialogProps) {
  const [picked, setPicked] = useState<FoundNode | null>(initial ?? nodes[0] ?? null)
  const [place, setPlace] = useState(placeOf(initial ?? nodes[0] ?? null))
  const [code, setCode] = useState('')
  const [name, setName] = useState(picked?.name ?? '')
  const [errors, setErrors] = useState<Errors>({})
  const add = useMutation(
    trpc.cluster.add.mutationOptions({
      onSuccess: refreshCluster,
      onError: (error) => {
        const failure = failureOf(error)
        if (failure.code === 'wrong-code') setErrors({ code: failure.text })
        if (failure.code === 'name-taken') setErrors({ name: failure.text })
      },
    }),
  )
  const close = add.isPending ? () => undefined : onClose
  const pick = (node: FoundNode | null) => {
    setPicked(node)
    setPlace(placeOf(node))
    if (node !== null) setName(node.name)
    setErrors({})
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const isTaken = view.members.some((member) => member.name === name.trim())
    const found = {
      place: checkPlace(place),
      code: checkCode(code),
      name: isTaken ? 'Another member has this name already.' : checkNodeName(name),
    }
    setErrors(found)
    const target = parsePlace(place)
    if (target === null || Object.values(found).some((each) => each !== null)) return
    add.mutate({ ...target, setupCode: code.trim(), nodeName: name.trim() })
  }
  const isPlaced = Object.values(errors).some((each) => Boolean(each))
  return (
    <Dialog variant="medium" isOpen onClose={close} aria-labelledby="add-node-title">
      <ModalHeader title="Add a node" labelId="add-node-title" />
      <ModalBody>
        {add.isSuccess ? (
          <AddProgress view={view} name={add.data.nodeName} by={add.data.by} />
        ) : (
          <Form id="add-node" onSubmit={submit} noValidate>
            {nodes.length > 0 && (
              <FormGroup role="radiogroup" label="Which node?" fieldId="add-node-which">
                <div className={css.options}>
                  {nodes.map((node) => (
                    <Radio
                      key={node.key}
                      id={`add-${node.key}`}
                      name="add-node-which"
                      label={<span dir="auto">{node.name}</span>}
                      description={node.addresses.join(' · ')}
                      isChecked={picked?.key === node.key}
                      onChange={() => pick(node)}
                    />
                  ))}
                  <Radio
                    id="add-other"
                    name="add-node-which"
                    label="Another one, by its address"
                    isChecked={picked === null}
                    onChange={() => pick(null)}
                  />
                </div>
              </FormGroup>
            )}
            {nodes.length === 0 && (
              <Content component="p">
                No node that waits for its set-up announces itself on this network. Start the new node, or
                write its address as its screen shows it.
              </Content>
            )}
            {(picked === null || picked.addresses.length > 1) && (
              <FormField
                label="Address"
                value={place}
                onChange={setPlace}
                error={errors.place ?? null}
                help="As on the screen of the new node, such as 10.0.0.2 or 10.0.0.2:7443."
                maxLength={270}
                isRequired
                isCode
              />
            )}
            <FormField
              label="Code on its screen"
              value={code}
              onChange={(value) => {
                setCode(value.toUpperCase())
                setErrors((now) => ({ ...now, code: null }))
              }}
              error={errors.code ?? null}
              help="The new node shows it on its own screen. It proves that this is the machine in front of you; it is not sent over the network."
              placeholder="ABCD-1234"
              maxLength={12}
              isRequired
              isCode
            />
            <FormField
              label="Name of the new node"
              value={name}
              onChange={(value) => {
                setName(value.toLowerCase())
                setErrors((now) => ({ ...now, name: null }))
              }}
              error={errors.name ?? null}
              help="Tells it from the others. Lower-case letters, digits, dots, hyphens and underscores."
              maxLength={limits.nameLength}
              isRequired
              isCode
            />
            {!isPlaced && <FailureAlert error={add.error} />}
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {add.isSuccess ? (
          <Button onClick={onClose}>Close</Button>
        ) : (
          <>
            <Button type="submit" form="add-node" isLoading={add.isPending} isDisabled={add.isPending}>
              Add the node
            </Button>
            <Button variant="link" onClick={onInvite} isDisabled={add.isPending}>
              Invite by code instead
            </Button>
            <Button variant="link" onClick={close} isDisabled={add.isPending}>
              Cancel
            </Button>
          </>
        )}
      </ModalFooter>
    </Dialog>
  )
}
