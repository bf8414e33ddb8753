// `npm run build`: makes everything that `npm start` needs, without starting the node.
import { prepare } from './lib/prepare.mjs'
import { StepError } from './lib/run.mjs'

try {
  await prepare()
  console.log('Packages, database clients and the admin UI are up to date.')
} catch (error) {
  console.error(error instanceof StepError ? error.message : error)
  process.exit(1)
}
