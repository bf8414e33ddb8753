// `npm run appliance:image` and `npm run appliance:bundle`: what is carried to a facility.
import { StepError } from './lib/run.mjs'

const [what, ...args] = process.argv.slice(2)
const programs = {
  image: () => import('../appliance/image/build.mjs'),
  bundle: () => import('../appliance/update/bundle.mjs'),
}
try {
  const program = programs[what]
  if (!program) throw new StepError(`give what to build: ${Object.keys(programs).join(' or ')}`)
  const { main } = await program()
  await main(args)
} catch (error) {
  console.error(error instanceof StepError ? error.message : error)
  process.exit(1)
}
