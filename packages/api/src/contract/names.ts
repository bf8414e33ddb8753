import * as z from 'zod'
import './issue-text.ts'
import { limits } from './limits.ts'
import { roles } from './policy.ts'

/** Login name of a person, and the name of a channel or group: lower case, starts with a letter or digit. */
export const nameSchema = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(limits.nameLength)
  .regex(
    /^[\p{Ll}\p{Lo}\p{N}][\p{Ll}\p{Lo}\p{N}._-]*$/u,
    'use letters, digits, dot, hyphen and underscore; begin with a letter or digit',
  )

/** Printable text of one line. */
export const lineSchema = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'control characters are not allowed')

export const displayNameSchema = lineSchema(limits.displayNameLength).min(1)
export const passwordSchema = z.string().min(1).max(limits.passwordLength)
export const idSchema = z.string().regex(/^[a-z]{1,3}_[0-9a-z]{20}$/, 'is not an id')
export const clientIdSchema = z
  .string()
  .min(1)
  .max(limits.clientIdLength)
  .regex(/^[\x21-\x7e]+$/, 'use letters, digits and signs of ASCII without spaces')
export const roleSchema = z.enum(roles)
export const seqSchema = z.int().min(0).max(0xffff_ffff)
export const channelKinds = ['direct', 'group', 'open', 'announcement'] as const
export const channelKindSchema = z.enum(channelKinds)
export type ChannelKind = (typeof channelKinds)[number]
export const priorities = ['normal', 'high', 'urgent'] as const
export const prioritySchema = z.enum(priorities)
export type Priority = (typeof priorities)[number]
/** What an entry of a channel is; the index is what the database stores. */
export const entryKinds = ['text', 'edit', 'delete', 'notice'] as const
export type EntryKind = (typeof entryKinds)[number]
