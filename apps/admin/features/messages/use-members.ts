'use client'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { trpc } from '../../lib/api.ts'
import type { MemberMark } from './receipts.ts'
import { useLive } from './use-messaging.tsx'

/** Members come and go rarely, and their marks come live; this mends what a lost connection hid. */
const refetchMs = 60_000

/** A channel's members with how far each has received and read. */
export function useMembers(channel: string) {
  const query = useQuery(trpc.channels.get.queryOptions({ id: channel }, { refetchInterval: refetchMs }))
  const live = useLive((state) => state.marks.get(channel))
  const members = query.data?.members
  const marks = useMemo(
    (): MemberMark[] =>
      (members ?? []).map((member) => {
        const mark = live?.get(member.id)
        return {
          person: member.id,
          name: member.displayName,
          delivered: Math.max(member.delivered, mark?.delivered ?? 0),
          read: Math.max(member.read, mark?.read ?? 0),
        }
      }),
    [members, live],
  )
  return { detail: query.data, error: query.error, marks }
}
