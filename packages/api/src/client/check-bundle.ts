import type { UpdateCheckView } from '../update-services.ts'

interface Checker {
  check: { mutate: () => Promise<UpdateCheckView | null> }
}

/** Asks until the check has come to its end: it reads the whole bundle, and a slow node needs minutes for that. */
export async function checkBundle({ check }: Checker): Promise<UpdateCheckView> {
  for (;;) {
    const checked = await check.mutate()
    if (checked !== null) return checked
  }
}
