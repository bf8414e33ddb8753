import * as input from '../contract/backup-inputs.ts'
import { procedure, router } from './trpc.ts'

export const backups = router({
  status: procedure.query(({ ctx }) => ctx.services.backups.status()),
  list: procedure.query(({ ctx }) => ctx.services.backups.list()),
  create: procedure.mutation(({ ctx }) => ctx.services.backups.create(ctx.caller)),
  configure: procedure
    .input(input.backupSettingsInput)
    .mutation(({ ctx, input }) => ctx.services.backups.configure(input, ctx.caller)),
  setKey: procedure
    .input(input.backupKeyInput)
    .mutation(({ ctx, input }) => ctx.services.backups.setKey(input, ctx.caller)),
  proven: procedure
    .input(input.backupProofInput)
    .mutation(({ ctx, input }) => ctx.services.backups.proven(input, ctx.caller)),
})
