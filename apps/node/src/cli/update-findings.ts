import type { UpdateFindingView } from '@holdfast/api/update-services'
import { green, print, printable, red } from './output.ts'

const words = { ok: green('ok  '), warn: 'warn', confirm: red('ask '), stop: red('STOP') } as const

/** A line for each thing that was looked at before an update, and what to do about it. */
export function showFinding({ check, level, found, mend }: UpdateFindingView): void {
  print(`${words[level]}  ${check}: ${printable(found)}`)
  if (mend !== null) print(`        ${printable(mend)}`)
}
