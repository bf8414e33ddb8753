import * as input from '../contract/inputs.ts'
import { procedure, router } from './trpc.ts'

export const people = router({
  list: procedure
    .input(input.peopleQuery)
    .query(({ ctx, input }) => ctx.services.people.list(input, ctx.caller)),
  get: procedure.input(input.idInput).query(({ ctx, input }) => ctx.services.people.get(input, ctx.caller)),
  add: procedure
    .input(input.personAdd)
    .mutation(({ ctx, input }) => ctx.services.people.add(input, ctx.caller)),
  update: procedure
    .input(input.personUpdate)
    .mutation(({ ctx, input }) => ctx.services.people.update(input, ctx.caller)),
  setRole: procedure
    .input(input.setRoleInput)
    .mutation(({ ctx, input }) => ctx.services.people.setRole(input, ctx.caller)),
  setPassword: procedure
    .input(input.setPassword)
    .mutation(({ ctx, input }) => ctx.services.people.setPassword(input, ctx.caller)),
  suspend: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.people.suspend(input, ctx.caller)),
  resume: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.people.resume(input, ctx.caller)),
  unlock: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.people.unlock(input, ctx.caller)),
  erase: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.people.erase(input, ctx.caller)),
  endSessions: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.people.endSessions(input, ctx.caller)),
  importCsv: procedure
    .input(input.importCsvInput)
    .mutation(({ ctx, input }) => ctx.services.people.importCsv(input, ctx.caller)),
})
