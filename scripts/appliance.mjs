// `npm run appliance:WHAT`, one of the programs below: makes what is carried to a facility.
import { StepError } from './lib/run.mjs'

const [what, ...args] = process.argv.slice(2)
const programs = {
  image: () => import('../appliance/image/build.mjs'),
  bundle: () => import('../appliance/update/bundle.mjs'),
  stick: () => import('../appliance/image/sign-setup.mjs'),
  deb: () => import('../appliance/deb/build.mjs'),
  oci: () => import('../appliance/oci/build.mjs'),
  chart: () => import('../appliance/chart/build.mjs'),
}
try {
  const program = programs[what]
  if (!program) throw new StepError(`give what to build: ${Object.keys(programs).join(' or ')}`)
  const { main } = await program()
  await main(args)
} catch (error) {
  // What the system or the arguments lack says it in one line; anything else is a fault of ours.
  console.error(error instanceof StepError || typeof error.code === 'string' ? error.message : error)
  process.exit(1)
}
