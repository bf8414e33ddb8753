'use client'

import type { AuditView } from '@holdfast/api/services'
import { Ellipsis } from '../../components/ellipsis.tsx'
import { useDirectory } from '../people/use-directory.ts'

/** What an event is about: its name where the event or the list of people has it, the id otherwise. */
export function TargetName({ event }: { event: AuditView }) {
  const { byId } = useDirectory()
  const { name } = event.detail
  const person = byId.get(event.target)
  const text = person?.displayName ?? (typeof name === 'string' && name !== '' ? name : event.target)
  return <Ellipsis text={text} isShort />
}
