'use client'

import { joinCodeCharacters } from '@holdfast/api/contract/cluster-inputs'
import { limits } from '@holdfast/api/contract/limits'
import { Alert, Button, Content, FormGroup, Radio, Spinner, TextArea } from '@patternfly/react-core'
import { useState, useSyncExternalStore } from 'react'
import { FieldMessage, FormField } from '../../components/form-field.tsx'
import { useNow } from '../../components/use-now.ts'
import { nodeNow } from '../../lib/clock.ts'
import { reachability, subscribeReachability } from '../../lib/reachability.ts'
import type { Draft, Mode } from './draft.ts'

/** A node that joins is back within seconds; a large database takes longer to restore. */
const lateMs = 120_000
/** With its place the node gets another certificate, which the browser may refuse without a word. */
const silentMs = 12_000

const modes: { mode: Mode; title: string; text: string }[] = [
  { mode: 'new', title: 'New facility', text: 'The first node of a place, with people and data of its own.' },
  { mode: 'join', title: 'Join a cluster', text: 'One more node of a facility that there is already.' },
]

/** The first thing to decide about a new node. */
export function SetupModeChoice({ mode, onChange }: { mode: Mode; onChange: (mode: Mode) => void }) {
  return (
    <FormGroup role="radiogroup" label="What will this node be?" fieldId="setup-mode">
      {modes.map((each) => (
        <Radio
          key={each.mode}
          id={`setup-mode-${each.mode}`}
          name="setup-mode"
          label={each.title}
          description={each.text}
          isChecked={mode === each.mode}
          onChange={() => onChange(each.mode)}
        />
      ))}
      {mode === 'join' && (
        <p className="hf-subtle hf-indent" aria-live="polite">
          Or add it from the Cluster page of a member, with the code on this node’s screen; this page then
          goes on by itself.
        </p>
      )}
    </FormGroup>
  )
}

interface JoinStepProps {
  draft: Draft
  joinCode: string
  errors: Partial<Record<keyof Draft | 'joinCode', string | null>>
  onChange: (change: Partial<Draft>) => void
  onJoinCode: (code: string) => void
}

/** Step 2 of joining: the invitation and the name. */
export function SetupJoinStep({ draft, joinCode, errors, onChange, onJoinCode }: JoinStepProps) {
  return (
    <>
      <Content component="p">
        A member makes the code: on its Cluster page with “Invite by code”, or with{' '}
        <span className="hf-code">holdfast cluster invite</span>. It works once, and not for long.
      </Content>
      <FormGroup label="Join code" fieldId="setup-join-code" isRequired>
        <TextArea
          id="setup-join-code"
          className="hf-code-input"
          value={joinCode}
          onChange={(_event, value) => onJoinCode(value)}
          validated={errors.joinCode ? 'error' : 'default'}
          aria-describedby="setup-join-code-help"
          maxLength={joinCodeCharacters}
          rows={4}
          resizeOrientation="vertical"
          spellCheck={false}
          autoComplete="off"
          autoFocus
          isRequired
        />
        <FieldMessage
          id="setup-join-code-help"
          error={errors.joinCode}
          help="It names the cluster and vouches for it: nothing else needs to be compared."
        />
      </FormGroup>
      <FormField
        label="Name of this node"
        value={draft.nodeName}
        onChange={(nodeName) => onChange({ nodeName: nodeName.toLowerCase() })}
        error={errors.nodeName ?? null}
        help="Tells this machine from the others. Lower-case letters, digits, dots, hyphens and underscores."
        maxLength={limits.nameLength}
        isRequired
        isCode
      />
      <FormField
        label="Address of this node"
        value={draft.address}
        onChange={(address) => onChange({ address })}
        error={errors.address ?? null}
        help="Where the other nodes reach it. May stay empty: its first address on the LAN is then taken."
        maxLength={253}
        isCode
      />
    </>
  )
}

/** Step 3 of joining: the node fetches what the facility knows. The page leads on when it is there. */
export function SetupWait({ facility, onStartOver }: { facility: string; onStartOver: () => void }) {
  const [startedAt] = useState(nodeNow)
  const now = useNow()
  const { reachable, since } = useSyncExternalStore(subscribeReachability, reachability, reachability)
  const isSilent = !reachable && Date.now() - (since ?? 0) > silentMs
  return (
    <div aria-live="polite">
      <p className="hf-gap-below">
        <Spinner size="md" aria-label="Joining" /> The node starts anew as a member of{' '}
        <strong dir="auto">{facility}</strong> and takes the facility’s data from another node. You sign in
        here as everywhere else once it has it.
      </p>
      {isSilent && (
        <Alert
          variant="info"
          isInline
          title="The node has a new certificate"
          actionLinks={
            <Button variant="link" isInline onClick={() => window.location.reload()}>
              Reload the page
            </Button>
          }
        >
          It is now one of the facility’s own authority. Where the browser does not trust that yet, it stays
          silent until the page is loaded anew.
        </Alert>
      )}
      {!isSilent && now - startedAt > lateMs && (
        <Alert
          variant="warning"
          isInline
          title="This takes longer than usual"
          actionLinks={
            <Button variant="link" isInline onClick={onStartOver}>
              Start over
            </Button>
          }
        >
          A large facility takes a while. The node’s log and the Cluster page of a member tell how far it is.
        </Alert>
      )}
    </div>
  )
}
