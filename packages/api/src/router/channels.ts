import * as input from '../contract/inputs.ts'
import { procedure, router } from './trpc.ts'

export const channels = router({
  list: procedure
    .input(input.listQuery)
    .query(({ ctx, input }) => ctx.services.channels.list(input, ctx.caller)),
  listAll: procedure
    .input(input.channelsQuery)
    .query(({ ctx, input }) => ctx.services.channels.listAll(input, ctx.caller)),
  get: procedure.input(input.idInput).query(({ ctx, input }) => ctx.services.channels.get(input, ctx.caller)),
  create: procedure
    .input(input.channelCreate)
    .mutation(({ ctx, input }) => ctx.services.channels.create(input, ctx.caller)),
  /** The direct channel with a person, made when there is none yet. */
  direct: procedure
    .input(input.directInput)
    .mutation(({ ctx, input }) => ctx.services.channels.direct(input, ctx.caller)),
  update: procedure
    .input(input.channelUpdate)
    .mutation(({ ctx, input }) => ctx.services.channels.update(input, ctx.caller)),
  archive: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.channels.archive(input, ctx.caller)),
  unarchive: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.channels.unarchive(input, ctx.caller)),
  addMembers: procedure
    .input(input.channelMembers)
    .mutation(({ ctx, input }) => ctx.services.channels.addMembers(input, ctx.caller)),
  removeMembers: procedure
    .input(input.channelMembers)
    .mutation(({ ctx, input }) => ctx.services.channels.removeMembers(input, ctx.caller)),
  setMemberRole: procedure
    .input(input.channelMemberRole)
    .mutation(({ ctx, input }) => ctx.services.channels.setMemberRole(input, ctx.caller)),
  join: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.channels.join(input, ctx.caller)),
  leave: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.channels.leave(input, ctx.caller)),
})
