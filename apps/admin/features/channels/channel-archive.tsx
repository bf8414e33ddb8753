'use client'

import type { ChannelView } from '@holdfast/api/services'
import { Content } from '@patternfly/react-core'
import { useMutation } from '@tanstack/react-query'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import { useToasts } from '../../components/toasts.tsx'
import { trpc } from '../../lib/api.ts'
import { refreshChannels } from './refresh.ts'

/** Asks before a channel becomes read-only; the way back asks nothing. */
export function ChannelArchive({ channel, onClose }: { channel: ChannelView | null; onClose: () => void }) {
  const toasts = useToasts()
  const archive = useMutation(
    trpc.channels.archive.mutationOptions({
      onSuccess: async () => {
        toasts.success(`${channel?.title} is archived`)
        onClose()
        await refreshChannels()
      },
    }),
  )
  return (
    <ConfirmDialog
      isOpen={channel !== null}
      title={`Archive ${channel?.title}?`}
      confirm="Archive"
      isPending={archive.isPending}
      error={archive.error}
      onConfirm={() => channel && archive.mutate({ id: channel.id })}
      onClose={() => {
        archive.reset()
        onClose()
      }}
    >
      <Content component="p">
        Its members can read and search it, and nobody can write in it. You can unarchive it at any time.
      </Content>
    </ConfirmDialog>
  )
}
