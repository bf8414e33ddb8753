import * as input from '../contract/inputs.ts'
import { open, procedure, router } from './trpc.ts'

export const setup = router({
  state: open.query(({ ctx }) => ctx.services.setup.state()),
  // A mutation, because a query would put the code into an address.
  checkCode: open
    .input(input.setupCodeInput)
    .mutation(({ ctx, input }) => ctx.services.setup.checkCode(input, ctx.origin)),
  complete: open.input(input.setupInput).mutation(async ({ ctx, input }) => {
    const { login, ...rest } = await ctx.services.setup.complete(input, ctx.origin)
    ctx.setSessionCookie(login.token ?? null, login.expiresAt)
    const { token: _, ...withoutToken } = login
    return { ...rest, login: withoutToken }
  }),
})

export const auth = router({
  login: open.input(input.loginInput).mutation(async ({ ctx, input }) => {
    const { token, ...result } = await ctx.services.auth.login(input, ctx.origin)
    if (!input.cookie) return { ...result, token }
    ctx.setSessionCookie(token, result.expiresAt)
    return { ...result, token: undefined }
  }),
  /** Signs in with a recovery code of the kit and sets a new password. */
  recover: open.input(input.recoverInput).mutation(async ({ ctx, input }) => {
    const { token, ...result } = await ctx.services.auth.recover(input, ctx.origin)
    if (!input.cookie) return { ...result, token }
    ctx.setSessionCookie(token, result.expiresAt)
    return { ...result, token: undefined }
  }),
  logout: procedure.mutation(async ({ ctx }) => {
    await ctx.services.auth.logout(ctx.caller)
    ctx.setSessionCookie(null, 0)
  }),
  /** Who is asking, and which other nodes he can go to. */
  me: procedure.query(({ ctx }) => ({ ...ctx.caller, others: ctx.services.others?.() ?? [] })),
  changePassword: procedure
    .input(input.changePasswordInput)
    .mutation(({ ctx, input }) => ctx.services.auth.changePassword(input, ctx.caller)),
  renewRecoveryCodes: procedure
    .input(input.renewRecoveryCodesInput)
    .mutation(({ ctx, input }) => ctx.services.auth.renewRecoveryCodes(input, ctx.caller)),
  sessions: procedure.query(({ ctx }) => ctx.services.auth.sessions(ctx.caller)),
  endSession: procedure
    .input(input.idInput)
    .mutation(({ ctx, input }) => ctx.services.auth.endSession(input, ctx.caller)),
})
