'use client'

import type { ChannelKind } from '@holdfast/api/contract/names'
import { Label } from '@patternfly/react-core'
import { kindIcons, kindTexts } from '../messages/channel-looks.tsx'

/** The kind of a channel, as a word with its icon. */
export function KindLabel({ kind }: { kind: ChannelKind }) {
  const Icon = kindIcons[kind]
  return (
    <Label isCompact variant="outline" icon={<Icon />}>
      {kindTexts[kind].title}
    </Label>
  )
}
