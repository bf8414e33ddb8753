'use client'

import { Alert, Button, Checkbox } from '@patternfly/react-core'
import { type FormEvent, useState } from 'react'
import { KitSheet } from '../recovery/kit-sheet.tsx'
import type { RecoveryKit } from '../recovery/kit-text.ts'

interface SetupKitStepProps {
  kit: RecoveryKit
  onDone: () => void
}

/** Step 4: the only time that the recovery codes are shown. */
export function SetupKitStep({ kit, onDone }: SetupKitStepProps) {
  const [isSaved, setIsSaved] = useState(false)
  const [isAsked, setIsAsked] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaved) onDone()
    else setIsAsked(true)
  }
  return (
    <form onSubmit={submit} className="hf-kit">
      <Alert variant="warning" isInline title="These codes are shown only now" component="h2">
        If you forget your password, one of them lets you in. Nobody can show them again or mend it for you
        without them.
      </Alert>

      <KitSheet kit={kit} />

      <div>
        <Checkbox
          id="kit-saved"
          label="I have printed or saved the codes and the fingerprint"
          isChecked={isSaved}
          onChange={(_event, checked) => setIsSaved(checked)}
        />
        {isAsked && !isSaved && (
          <p role="alert" className="hf-error-text">
            Save the kit first, then say so here: the codes are gone after this page.
          </p>
        )}
      </div>
      <div>
        <Button type="submit">Open the overview</Button>
      </div>
    </form>
  )
}
