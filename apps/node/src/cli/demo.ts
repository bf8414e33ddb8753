import { Command } from 'commander'
import { configSchema } from '../config/config.ts'
import { integer } from './arguments.ts'
import { note, print, printJson } from './output.ts'
import { stopped } from './serve.ts'

interface DemoFlags {
  data: string
  port: number
  keep?: boolean
  json?: boolean
}

export function demoCommand(): Command {
  return new Command('demo')
    .option('--data <dir>', 'folder of the demo; made anew at each start', '.holdfast-demo')
    .option(
      '--port <port>',
      'TCP port of HTTPS, on 127.0.0.1 only; 0 takes any free port',
      integer(0, 65_535),
      configSchema.shape.port.parse(undefined),
    )
    .option('--keep', 'go on with what is in the folder')
    .option('--json', 'print one JSON value with the address and the login')
    .addHelpText(
      'after',
      '\nThe harbour, its people and what they say are invented. Everybody has the same password, so the demo listens on\nthis machine only and is not announced. SIGINT and SIGTERM stop it.',
    )
    .action(demo)
}

async function demo(flags: DemoFlags): Promise<void> {
  const { runDemo } = await import('../demo/demo.ts')
  const { demoPassword, facilityName, ownerName } = await import('../demo/facility.ts')
  const running = await runDemo({
    dataDir: flags.data,
    port: flags.port,
    keep: flags.keep === true,
    onTrouble: (error) => note(`demo: ${error.message}`),
  })
  const { url, caFingerprint } = running
  if (flags.json)
    printJson({ url, caFingerprint, facility: facilityName, name: ownerName, password: demoPassword })
  else
    print(
      [
        `DEMO: ${facilityName}, which does not exist, on ${url}`,
        `  Sign in as      ${ownerName} (owner)`,
        `  Password        ${demoPassword}   (everybody else has the same)`,
        `  CA fingerprint  ${caFingerprint}`,
        `  Data folder     ${flags.data}, made anew at each start without --keep`,
        '  Ctrl-C stops it. Nothing in it is real; do not put anything real into it.',
      ].join('\n'),
    )
  await stopped(running.stop)
}
