import * as input from '../contract/update-inputs.ts'
import { procedure, router } from './trpc.ts'

export const updates = router({
  status: procedure.query(({ ctx }) => ctx.services.updates.status()),
  upload: procedure
    .input(input.updateUpload)
    .mutation(({ ctx, input }) => ctx.services.updates.upload(input, ctx.caller)),
  check: procedure.mutation(({ ctx }) => ctx.services.updates.check(ctx.caller)),
  install: procedure
    .input(input.updateInstall)
    .mutation(({ ctx, input }) => ctx.services.updates.install(input, ctx.caller)),
  stopRollout: procedure.mutation(({ ctx }) => ctx.services.updates.stopRollout(ctx.caller)),
})
