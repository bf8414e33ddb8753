'use client'
import { channelTitle } from './channel-looks.tsx'
import { useAuthorOf } from './use-authors.tsx'
import { useLive } from './use-messaging.tsx'

/** Longer texts are cut when they are read out; the whole is in the channel. */
const spokenCharacters = 200

/** Reads new messages of other people out: with their text in the open channel, with its name in any other. */
export function NewsAnnouncer({ openChannel }: { openChannel: string | null }) {
  const authorOf = useAuthorOf()
  const news = useLive((state) => state.news)
  const channel = useLive((state) => (news === null ? undefined : state.channels.get(news.channel)))
  const text =
    news === null || channel === undefined
      ? ''
      : news.channel === openChannel
        ? `${authorOf(news.from).displayName}: ${news.body.slice(0, spokenCharacters)}`
        : `New message in ${channelTitle(channel)}`
  return (
    <div className="pf-v6-screen-reader" aria-live="polite" aria-atomic="true">
      {text}
    </div>
  )
}
