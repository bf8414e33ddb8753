'use client'
import css from './messages.module.css'
import { useAuthorOf } from './use-authors.tsx'
import { useLive } from './use-messaging.tsx'

const namesMax = 2

/** Who is writing right now. The place is kept, so that nothing jumps when somebody begins. */
export function TypingLine({ channel }: { channel: string }) {
  const authorOf = useAuthorOf()
  const people = useLive((state) => state.typing.get(channel))
  const names = [...(people?.keys() ?? [])].map((id) => authorOf(id).displayName)
  const more = names.length - namesMax
  const who = more > 0 ? `${names.slice(0, namesMax).join(', ')} and ${more} more` : names.join(' and ')
  return (
    <div className={css.typing} dir="auto">
      {names.length > 0 && `${who} ${names.length === 1 ? 'is' : 'are'} writing…`}
    </div>
  )
}
