import * as input from '../contract/inputs.ts'
import { procedure, router } from './trpc.ts'

export const overview = router({
  status: procedure.query(({ ctx }) => ctx.services.overview.status()),
  live: procedure.subscription(({ ctx, signal }) =>
    ctx.services.overview.live(signal ?? new AbortController().signal),
  ),
})

export const presence = router({
  list: procedure.query(({ ctx }) => ctx.services.presence.list()),
  /** First everybody, then what changed, at most once a second. */
  live: procedure.subscription(({ ctx, signal }) =>
    ctx.services.presence.live(signal ?? new AbortController().signal),
  ),
  /** Says that the caller has a page open: he is here as long as it lasts. Answers once that counts. */
  here: procedure
    .input(input.presenceHere)
    .subscription(({ ctx, input, signal }) =>
      ctx.services.presence.attend(ctx.caller, input, signal ?? new AbortController().signal),
    ),
})

export const groups = router({
  list: procedure.input(input.listQuery).query(({ ctx, input }) => ctx.services.groups.list(input)),
  create: procedure
    .input(input.groupCreate)
    .mutation(({ ctx, input }) => ctx.services.groups.create(input, ctx.caller)),
  update: procedure
    .input(input.groupUpdate)
    .mutation(({ ctx, input }) => ctx.services.groups.update(input, ctx.caller)),
  remove: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.groups.remove(input, ctx.caller)),
  addMembers: procedure
    .input(input.membersInput)
    .mutation(({ ctx, input }) => ctx.services.groups.addMembers(input, ctx.caller)),
  removeMembers: procedure
    .input(input.membersInput)
    .mutation(({ ctx, input }) => ctx.services.groups.removeMembers(input, ctx.caller)),
})

export const messages = router({
  page: procedure
    .input(input.messagesPage)
    .query(({ ctx, input }) => ctx.services.messages.page(input, ctx.caller)),
  search: procedure
    .input(input.messagesSearch)
    .query(({ ctx, input }) => ctx.services.messages.search(input, ctx.caller)),
  marks: procedure
    .input(input.channelInput)
    .query(({ ctx, input }) => ctx.services.messages.marks(input, ctx.caller)),
})

export const devices = router({
  challenge: procedure.mutation(({ ctx }) => ctx.services.devices.challenge(ctx.caller)),
  enrol: procedure
    .input(input.deviceEnrol)
    .mutation(({ ctx, input }) => ctx.services.devices.enrol(input, ctx.caller)),
  mine: procedure.query(({ ctx }) => ctx.services.devices.mine(ctx.caller)),
  list: procedure
    .input(input.devicesQuery)
    .query(({ ctx, input }) => ctx.services.devices.list(input, ctx.caller)),
  get: procedure.input(input.idInput).query(({ ctx, input }) => ctx.services.devices.get(input, ctx.caller)),
  approve: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.devices.approve(input, ctx.caller)),
  revoke: procedure
    .input(input.deviceRevoke)
    .mutation(({ ctx, input }) => ctx.services.devices.revoke(input, ctx.caller)),
  update: procedure
    .input(input.deviceUpdate)
    .mutation(({ ctx, input }) => ctx.services.devices.update(input, ctx.caller)),
})

export const audit = router({
  search: procedure
    .input(input.auditQuery)
    .query(({ ctx, input }) => ctx.services.audit.search(input, ctx.caller)),
  get: procedure.input(input.seqInput).query(({ ctx, input }) => ctx.services.audit.get(input, ctx.caller)),
  verify: procedure.mutation(({ ctx }) => ctx.services.audit.verify(ctx.caller)),
  verifyAgainst: procedure
    .input(input.auditVerifyAgainst)
    .mutation(({ ctx, input }) => ctx.services.audit.verify(ctx.caller, input.checkpoint)),
  checkpoint: procedure
    .input(input.auditCheckpoint)
    .query(({ ctx, input }) => ctx.services.audit.checkpoint(input, ctx.caller)),
  takeCheckpoint: procedure.mutation(({ ctx }) => ctx.services.audit.takeCheckpoint(ctx.caller)),
  prove: procedure
    .input(input.seqInput)
    .query(({ ctx, input }) => ctx.services.audit.prove(input, ctx.caller)),
  export: procedure
    .input(input.auditExport)
    .query(({ ctx, input }) => ctx.services.audit.export(input, ctx.caller)),
})

export const settings = router({
  get: procedure.query(({ ctx }) => ctx.services.settings.get()),
  update: procedure
    .input(input.settingsUpdate)
    .mutation(({ ctx, input }) => ctx.services.settings.update(input, ctx.caller)),
  node: procedure.query(({ ctx }) => ctx.services.settings.node()),
  updateNode: procedure
    .input(input.nodeSettingsSchema)
    .mutation(({ ctx, input }) => ctx.services.settings.updateNode(input, ctx.caller)),
})

export const discovery = router({
  peers: procedure.query(({ ctx }) => ctx.services.discovery.peers()),
})
