'use client'

import { addressSchema } from '@holdfast/api/contract/cluster-inputs'
import { FormGroup, Radio, Skeleton, TextInput } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useId } from 'react'
import { FieldMessage } from '../../components/form-field.tsx'
import { trpc } from '../../lib/api.ts'
import css from './cluster.module.css'

export interface ChosenAddress {
  value: string
  isOther: boolean
}

export const noAddress: ChosenAddress = { value: '', isOther: false }

export const isAddress = (value: string) => addressSchema.safeParse(value.trim()).success

/** Addresses that only this machine, or only its own cable, can use. */
const unusable = /^(127\.|169\.254\.|::1$|fe[89ab])/i

/** Where the other nodes reach this one: one of its LAN addresses, or a name that the facility's DNS knows. */
export function AddressChoice({
  chosen,
  onChange,
  label,
}: {
  chosen: ChosenAddress
  onChange: (chosen: ChosenAddress) => void
  label: string
}) {
  const id = useId()
  const node = useQuery(trpc.settings.node.queryOptions())
  const offered = (node.data?.interfaces ?? [])
    .toSorted((left, right) => Number(right.announced) - Number(left.announced))
    .flatMap(({ name, addresses }) =>
      addresses
        .map((address) => ({ address: address.replace(/\/\d+$/, ''), on: name }))
        .filter(({ address }) => !unusable.test(address)),
    )
  const first = offered[0]?.address
  useEffect(() => {
    if (chosen.isOther || chosen.value !== '') return
    if (first !== undefined) onChange({ value: first, isOther: false })
    else if (node.data !== undefined || node.error !== null) onChange({ value: '', isOther: true })
  }, [chosen, first, node.data, node.error, onChange])

  if (node.data === undefined && node.error === null)
    return <Skeleton height="5rem" screenreaderText="Loading the addresses of this node" />
  const isWrong = chosen.isOther && chosen.value.trim() !== '' && !isAddress(chosen.value)
  return (
    <FormGroup role="radiogroup" label={label} fieldId={id}>
      <div className={css.options}>
        {offered.map(({ address, on }) => (
          <Radio
            key={address}
            id={`${id}-${address}`}
            name={id}
            label={
              <>
                <span className="hf-code">{address}</span> <span className="hf-subtle">on {on}</span>
              </>
            }
            isChecked={!chosen.isOther && chosen.value === address}
            onChange={() => onChange({ value: address, isOther: false })}
          />
        ))}
        <Radio
          id={`${id}-other`}
          name={id}
          label="A host name or another address"
          isChecked={chosen.isOther}
          onChange={() => onChange({ value: '', isOther: true })}
          body={
            chosen.isOther && (
              <>
                <TextInput
                  aria-label="Host name or address"
                  aria-describedby={`${id}-help`}
                  value={chosen.value}
                  maxLength={253}
                  spellCheck={false}
                  validated={isWrong ? 'error' : 'default'}
                  onChange={(_event, value) => onChange({ value, isOther: true })}
                />
                <FieldMessage
                  id={`${id}-help`}
                  error={isWrong ? 'Write a host name or an IP address, without a port.' : null}
                  help="Every other node has to reach it, so a name must be known to the facility’s DNS."
                />
              </>
            )
          }
        />
      </div>
    </FormGroup>
  )
}
