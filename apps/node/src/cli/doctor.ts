import { Command } from 'commander'
import { configSchema } from '../config/config.ts'
import type { Finding } from './doctor-checks.ts'
import { green, print, printable, printJson, red } from './output.ts'
import { exitCodes } from './run.ts'

interface DoctorFlags {
  data?: string
  port?: string
  json?: boolean
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .option('--data <dir>', "the node's data folder; its disk, keys, lock and databases are checked too")
    .option('--port <port>', `HTTPS port of the node; default ${configSchema.shape.port.parse(undefined)}`)
    .option('--json', 'print JSON, one value per check')
    .addHelpText('after', '\nChanges nothing. Exit code 1 when something is wrong.')
    .action(doctor)
}

const words = { ok: green('ok   '), warning: 'warn ', wrong: red('WRONG') } as const

async function doctor(flags: DoctorFlags): Promise<void> {
  const { diagnose } = await import('./doctor-checks.ts')
  let wrong = 0
  for await (const finding of diagnose(flags)) {
    if (finding.level === 'wrong') wrong += 1
    if (flags.json) printJson(finding)
    else show(finding)
  }
  if (wrong > 0) process.exitCode = exitCodes.refused
  if (!flags.json)
    print(
      wrong === 0 ? '\nNothing is wrong.' : `\n${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`,
    )
}

function show(finding: Finding): void {
  print(`${words[finding.level]}  ${finding.check}: ${printable(finding.found)}`)
  if (finding.mend !== null) print(`         ${printable(finding.mend)}`)
}
