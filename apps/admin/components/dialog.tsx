'use client'

import { Modal, type ModalProps } from '@patternfly/react-core'

const dialog = '.pf-v6-c-modal-box'
const field = `${dialog}__body :is(input:not([type=hidden], [type=file]), textarea, select):enabled`
const wayBack = `${dialog}__footer .pf-m-link:enabled`
const inside = `${dialog}__body .pf-v6-c-button:enabled`
const button = `${dialog}__footer .pf-v6-c-button:enabled`
const closer = `${dialog}__close .pf-v6-c-button`

/** `wanted` in a dialog that has nothing of `better`: in a list of selectors the document's order decides, not the list's. */
const lacking = (better: string[], wanted: string) => `${dialog}:not(:has(${better.join(', ')})) ${wanted}`

/**
 * Where the keyboard starts in a dialog: in its first field, or, where it only asks, on the way back, or, where it only
 * tells, on what copies it. None of them harms whoever presses Enter too early.
 */
const firstFocus = [
  field,
  lacking([field], wayBack),
  lacking([field, wayBack], inside),
  lacking([field, wayBack, inside], button),
  lacking([field, inside, button], closer),
].join(', ')

/** The one dialog of the UI. */
export function Dialog(props: Omit<ModalProps, 'ref' | 'elementToFocus'>) {
  return <Modal {...props} elementToFocus={firstFocus} />
}
