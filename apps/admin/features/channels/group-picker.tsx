'use client'

import { limits } from '@holdfast/api/contract/limits'
import { Checkbox, Content, SearchInput, Skeleton, Stack } from '@patternfly/react-core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { trpc } from '../../lib/api.ts'
import { count } from '../../lib/format.ts'
import css from './channels.module.css'

/** From so many on, the list can be searched. */
const searchFrom = 8

interface GroupPickerProps {
  picked: ReadonlySet<string>
  onChange: (picked: ReadonlySet<string>) => void
  /** Ids that are not offered. */
  without?: ReadonlySet<string>
}

/** Groups to choose from; everybody in them becomes a member, also whoever joins the group later. */
export function GroupPicker({ picked, onChange, without }: GroupPickerProps) {
  const [text, setText] = useState('')
  const query = useQuery(trpc.groups.list.queryOptions({ limit: limits.listRows }))
  if (query.error !== null) return <FailureAlert error={query.error} onRetry={() => void query.refetch()} />
  if (query.data === undefined) return <Skeleton screenreaderText="Loading the groups" />
  const offered = query.data.rows.filter((group) => without?.has(group.id) !== true)
  if (offered.length === 0)
    return (
      <Content component="small" className="hf-subtle">
        {query.data.rows.length === 0
          ? 'There is no group yet; make one under People & groups.'
          : 'All groups are in.'}
      </Content>
    )
  const wanted = text.trim().toLowerCase()
  const toggle = (id: string, isOn: boolean) => {
    const next = new Set(picked)
    if (isOn) next.add(id)
    else next.delete(id)
    onChange(next)
  }
  return (
    <Stack>
      {offered.length >= searchFrom && (
        <SearchInput
          aria-label="Search groups"
          value={text}
          onChange={(_event, value) => setText(value)}
          onClear={() => setText('')}
        />
      )}
      <div className={css.groups}>
        {offered
          .filter((group) => group.name.includes(wanted))
          .map((group) => (
            <Checkbox
              key={group.id}
              id={`group-${group.id}`}
              label={`${group.name} (${count(group.members.length, 'person', 'people')})`}
              isChecked={picked.has(group.id)}
              onChange={(_event, isOn) => toggle(group.id, isOn)}
            />
          ))}
      </div>
    </Stack>
  )
}
