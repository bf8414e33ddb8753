'use client'

import type { ChannelView } from '@holdfast/api/services'
import {
  Button,
  FormSelect,
  FormSelectOption,
  PageSection,
  SearchInput,
  Skeleton,
  Stack,
  StackItem,
  Switch,
  Title,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { HashtagIcon } from '@patternfly/react-icons/dist/esm/icons/hashtag-icon'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { useState } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { DetailDrawer } from '../../components/detail-drawer.tsx'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { Facts } from '../../components/facts.tsx'
import { FailureAlert } from '../../components/failure-alert.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { RelativeTime } from '../../components/relative-time.tsx'
import { StatusLabel } from '../../components/status-label.tsx'
import { usePaging } from '../../components/table-pagination.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { useSettled } from '../../components/use-settled.ts'
import { trpc } from '../../lib/api.ts'
import { failureOf } from '../../lib/errors.ts'
import { count, formatNumber } from '../../lib/format.ts'
import { paths } from '../../lib/paths.ts'
import { useSelectedId } from '../../lib/use-selected-id.ts'
import { TargetHistory } from '../audit/target-history.tsx'
import { kindTexts } from '../messages/channel-looks.tsx'
import { useAllowed } from '../session/use-session.ts'
import { ChannelArchive } from './channel-archive.tsx'
import { ChannelCreate } from './channel-create.tsx'
import { ChannelEdit } from './channel-edit.tsx'
import { ChannelMembers } from './channel-members.tsx'
import { KindLabel } from './kind-label.tsx'
import { refreshChannels } from './refresh.ts'

const kinds = ['group', 'open', 'announcement'] as const
type Kind = (typeof kinds)[number]

const retentionText = (days: number | null) => (days === null ? 'For ever' : count(days, 'day'))

const columns: Column<ChannelView>[] = [
  {
    key: 'title',
    title: 'Channel',
    cell: (row) => <Ellipsis text={row.title} />,
    sort: (row) => row.title,
    modifier: 'truncate',
    width: 25,
  },
  {
    key: 'kind',
    title: 'Kind',
    cell: (row) => (
      <>
        <KindLabel kind={row.kind} /> {row.archived && <StatusLabel status="archived" />}
      </>
    ),
    sort: (row) => row.kind,
    modifier: 'nowrap',
  },
  {
    key: 'topic',
    title: 'Topic',
    cell: (row) => <Ellipsis text={row.topic} />,
    modifier: 'truncate',
    width: 40,
  },
  {
    key: 'members',
    title: 'Members',
    cell: (row) => formatNumber(row.memberCount),
    sort: (row) => row.memberCount,
  },
  {
    key: 'last',
    title: 'Last entry',
    cell: (row) => <RelativeTime at={row.lastAt} />,
    sort: (row) => row.lastAt,
    modifier: 'nowrap',
  },
]

export function ChannelsPage() {
  const may = useAllowed()
  const toasts = useToasts()
  const [selectedId, select] = useSelectedId()
  const [text, setText] = useState('')
  const [kind, setKind] = useState<Kind | ''>('')
  const [withArchived, setWithArchived] = useState(false)
  const [isCreating, setIsCreating] = useState(false)
  const [editing, setEditing] = useState<ChannelView | null>(null)
  const [archiving, setArchiving] = useState<ChannelView | null>(null)
  const paging = usePaging()
  const settled = useSettled(text.trim())
  const list = useQuery(
    trpc.channels.listAll.queryOptions(
      {
        ...(settled === '' ? {} : { text: settled }),
        ...(kind === '' ? {} : { kind }),
        ...(withArchived ? {} : { archived: false }),
        offset: paging.offset,
        limit: paging.limit,
      },
      { placeholderData: keepPreviousData },
    ),
  )
  const detail = useQuery(
    trpc.channels.get.queryOptions({ id: selectedId ?? '' }, { enabled: selectedId !== null }),
  )
  const unarchive = useMutation(
    trpc.channels.unarchive.mutationOptions({
      onSuccess: async () => {
        toasts.success('The channel can be written in again')
        await refreshChannels()
      },
      onError: (error) => toasts.failure(failureOf(error)),
    }),
  )
  const channel = detail.data
  const clear = () => {
    setText('')
    setKind('')
    paging.reset()
  }
  const act = (row: ChannelView) => [
    ...(may('channels.update') && !row.archived ? [{ title: 'Edit…', onClick: () => setEditing(row) }] : []),
    ...(may('channels.archive') && !row.archived
      ? [{ title: 'Archive…', onClick: () => setArchiving(row) }]
      : []),
    ...(may('channels.unarchive') && row.archived
      ? [{ title: 'Unarchive', onClick: () => unarchive.mutate({ id: row.id }) }]
      : []),
  ]
  const create = may('channels.create') && (
    <Button onClick={() => setIsCreating(true)}>Create a channel</Button>
  )

  return (
    <DetailDrawer
      isOpen={selectedId !== null}
      title={channel?.title ?? 'Channel'}
      status={
        channel && (
          <>
            <KindLabel kind={channel.kind} /> {channel.archived && <StatusLabel status="archived" />}
          </>
        )
      }
      actions={
        channel &&
        channel.kind !== 'direct' &&
        act(channel).map((action) => (
          <Button key={action.title} size="sm" variant="secondary" onClick={action.onClick}>
            {action.title}
          </Button>
        ))
      }
      onClose={() => select(null)}
      detail={
        <Stack hasGutter>
          <FailureAlert error={detail.error} onRetry={() => void detail.refetch()} />
          {channel === undefined && detail.error === null && (
            <Skeleton screenreaderText="Loading the channel" />
          )}
          {channel && (
            <>
              <Facts
                label="Channel"
                facts={[
                  { term: 'What it is', value: kindTexts[channel.kind].text },
                  { term: 'Topic', value: channel.topic && <span dir="auto">{channel.topic}</span> },
                  { term: 'Entries', value: formatNumber(channel.head) },
                  { term: 'Last entry', value: <RelativeTime at={channel.lastAt} /> },
                  { term: 'Messages are kept', value: retentionText(channel.retentionDays) },
                  { term: 'Created', value: <RelativeTime at={channel.createdAt} /> },
                  {
                    term: 'Talk',
                    value: channel.joined && (
                      <Link href={paths.messages(channel.id)}>Open under Messages</Link>
                    ),
                  },
                ]}
              />
              {channel.kind !== 'direct' && <ChannelMembers channel={channel} />}
              {may('audit.search') && (
                <StackItem>
                  <Title headingLevel="h3" size="md">
                    History
                  </Title>
                  <TargetHistory target={channel.id} />
                </StackItem>
              )}
            </>
          )}
        </Stack>
      }
    >
      <PageHeader
        title="Channels"
        description="Where people talk. Direct conversations are nobody else’s business and are not listed."
        actions={create}
      />
      <PageSection hasBodyWrapper={false}>
        <DataTable
          label="Channels"
          columns={columns}
          rows={list.data?.rows}
          rowKey={(row) => row.id}
          error={list.error}
          onRetry={() => void list.refetch()}
          paging={{ ...paging, total: list.data?.total ?? 0 }}
          onOpen={(row) => select(row.id)}
          openKey={selectedId}
          actions={act}
          initialSort={{ key: 'title', direction: 'asc' }}
          onClearFilters={settled !== '' || kind !== '' ? clear : undefined}
          empty={{
            title: 'No channel yet',
            icon: HashtagIcon,
            body: 'Create one, and add people or whole groups to it.',
            action: create,
          }}
          toolbar={
            <Toolbar inset={{ default: 'insetNone' }}>
              <ToolbarContent alignItems="center">
                <ToolbarItem>
                  <SearchInput
                    aria-label="Search channels"
                    placeholder="Name or topic"
                    value={text}
                    onChange={(_event, value) => {
                      setText(value)
                      paging.reset()
                    }}
                    onClear={() => setText('')}
                  />
                </ToolbarItem>
                <ToolbarItem>
                  <FormSelect
                    aria-label="Kind"
                    value={kind}
                    onChange={(_event, value) => {
                      setKind(value as Kind | '')
                      paging.reset()
                    }}
                  >
                    <FormSelectOption value="" label="Every kind" />
                    {kinds.map((each) => (
                      <FormSelectOption key={each} value={each} label={kindTexts[each].title} />
                    ))}
                  </FormSelect>
                </ToolbarItem>
                <ToolbarItem>
                  <Switch
                    id="with-archived"
                    label="Show archived"
                    isChecked={withArchived}
                    onChange={(_event, isOn) => {
                      setWithArchived(isOn)
                      paging.reset()
                    }}
                  />
                </ToolbarItem>
              </ToolbarContent>
            </Toolbar>
          }
        />
      </PageSection>
      {isCreating && (
        <ChannelCreate
          onClose={() => setIsCreating(false)}
          onCreated={(id) => {
            setIsCreating(false)
            select(id)
          }}
        />
      )}
      {editing !== null && <ChannelEdit channel={editing} onClose={() => setEditing(null)} />}
      <ChannelArchive channel={archiving} onClose={() => setArchiving(null)} />
    </DetailDrawer>
  )
}
