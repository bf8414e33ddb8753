/** Inputs of the calls about a cluster. */
import * as z from 'zod'
import { displayNameSchema, nameSchema } from './names.ts'

/** A host name (RFC 1123) or an IP address, without port. */
export const addressSchema = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[\dA-Za-z](?:[\dA-Za-z.:-]*[\dA-Za-z])?$/, 'a host name or an IP address')
const portSchema = z.int().min(1).max(65_535)
const idSchema = z.string().min(1).max(40)
const versionSchema = z.string().min(1).max(40)

/** Bounds of an invitation's life, minutes. */
export const invitationMinutes = { least: 1, usual: 60, most: 7 * 24 * 60 } as const
/** Characters of a join code; it carries addresses, a fingerprint and a secret. */
export const joinCodeCharacters = 2000

export const clusterCreate = z.object({
  /** Where the other nodes reach this one; without it the node's first LAN address is taken. */
  address: addressSchema.optional(),
})
export type ClusterCreate = z.output<typeof clusterCreate>

export const clusterInvite = z.object({
  minutes: z.int().min(invitationMinutes.least).max(invitationMinutes.most).default(invitationMinutes.usual),
})
export type ClusterInvite = z.output<typeof clusterInvite>

/** The new node, as it asks to be admitted. */
export const clusterAdmit = z.object({
  secret: z.string().min(16).max(100),
  nodeId: idSchema,
  nodeName: nameSchema,
  version: versionSchema,
  address: addressSchema,
  httpsPort: portSchema,
  peerPort: portSchema,
  raftPort: portSchema,
})
export type ClusterAdmit = z.output<typeof clusterAdmit>

export const joinCodeSchema = z.string().trim().min(20).max(joinCodeCharacters)

export const clusterJoin = z.object({
  /** The one-time code of the node that joins. */
  setupCode: z.string().min(1).max(100),
  code: joinCodeSchema,
  nodeName: nameSchema,
  address: addressSchema.optional(),
})
export type ClusterJoin = z.output<typeof clusterJoin>

export const clusterOffer = z.object({
  facility: displayNameSchema,
  nodeName: nameSchema,
  /** Base64url: 32 random bytes of the member that offers. */
  nonce: z.string().length(43),
  /**
   * Base64url: the join code, encrypted with a key from the new node's set-up code and the nonce, and bound to the new
   * node's authority, so that nobody between learns it or puts another one in its place.
   */
  sealedCode: z
    .string()
    .min(20)
    .max(joinCodeCharacters * 2),
})
export type ClusterOffer = z.output<typeof clusterOffer>

export const clusterAdd = z.object({
  address: addressSchema,
  port: portSchema.default(7443),
  /** The one-time code on the new node's own screen. */
  setupCode: z.string().min(1).max(100),
  nodeName: nameSchema,
})
export type ClusterAdd = z.output<typeof clusterAdd>

export const clusterMemberInput = z.object({ nodeId: idSchema })
export const invitationInput = z.object({ id: idSchema })

export const clusterAddress = z.object({ address: addressSchema })
export type ClusterAddress = z.output<typeof clusterAddress>

export const clusterRecover = z.object({
  /** The facility's name, typed by the operator. */
  confirm: displayNameSchema,
  /** The plan's index: what was confirmed is what is done. */
  index: z.int().min(0),
})
export type ClusterRecover = z.output<typeof clusterRecover>
