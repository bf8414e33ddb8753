/** The `holdfast` command. The daemon is one of its subcommands. */
import { run } from './cli/run.ts'

process.exitCode = await run(process.argv.slice(2))
