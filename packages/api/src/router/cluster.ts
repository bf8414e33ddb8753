import * as input from '../contract/cluster-inputs.ts'
import { open, procedure, router } from './trpc.ts'

export const cluster = router({
  status: procedure.query(({ ctx }) => ctx.services.cluster.status()),
  /** Once a second. */
  live: procedure.subscription(({ ctx, signal }) =>
    ctx.services.cluster.live(signal ?? new AbortController().signal),
  ),
  create: procedure
    .input(input.clusterCreate)
    .mutation(({ ctx, input }) => ctx.services.cluster.create(input, ctx.caller)),
  invite: procedure
    .input(input.clusterInvite)
    .mutation(({ ctx, input }) => ctx.services.cluster.invite(input, ctx.caller)),
  revokeInvitation: procedure
    .input(input.invitationInput)
    .mutation(({ ctx, input }) => ctx.services.cluster.revokeInvitation(input, ctx.caller)),
  admit: open
    .input(input.clusterAdmit)
    .mutation(({ ctx, input }) => ctx.services.cluster.admit(input, ctx.origin)),
  join: open
    .input(input.clusterJoin)
    .mutation(({ ctx, input }) => ctx.services.cluster.join(input, ctx.origin)),
  offer: open
    .input(input.clusterOffer)
    .mutation(({ ctx, input }) => ctx.services.cluster.offer(input, ctx.origin)),
  add: procedure
    .input(input.clusterAdd)
    .mutation(({ ctx, input }) => ctx.services.cluster.add(input, ctx.caller)),
  remove: procedure
    .input(input.clusterMemberInput)
    .mutation(({ ctx, input }) => ctx.services.cluster.remove(input, ctx.caller)),
  setAddress: procedure
    .input(input.clusterAddress)
    .mutation(({ ctx, input }) => ctx.services.cluster.setAddress(input, ctx.caller)),
  recoveryPlan: procedure.query(({ ctx }) => ctx.services.cluster.recoveryPlan()),
  recover: procedure
    .input(input.clusterRecover)
    .mutation(({ ctx, input }) => ctx.services.cluster.recover(input, ctx.caller)),
})
