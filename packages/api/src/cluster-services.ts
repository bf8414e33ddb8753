/** What a node tells about its cluster and does for it. All times are milliseconds since 1970. */
import type * as input from './contract/cluster-inputs.ts'
import type { Caller, Origin } from './services.ts'

/**
 * `online`: applies the log as it comes · `joining`: not yet a voter · `restoring`: takes its state from another node ·
 * `diverged`: its state differs from the others' and it serves nobody · `unreachable`: gives no sign of life.
 */
export type MemberState = 'online' | 'joining' | 'restoring' | 'diverged' | 'unreachable'

export interface ClusterMember {
  nodeId: string
  name: string
  site: string
  /** Host name or address at which the other nodes reach it; null: a single node that was never asked. */
  address: string | null
  /** Where clients and browsers reach it, such as https://10.0.0.2:7443; null as long as nobody knows. */
  url: string | null
  self: boolean
  leader: boolean
  state: MemberState
  version: string
  /** Newest applied entry of the log. */
  index: number
  /** Newest entry that is on its disk whatever happens. */
  durableIndex: number
  /** Entries behind the one who is furthest. */
  lag: number
  /** State chain after `index`, hex. */
  chain: string
  /** Whether its chain equals this node's where both know it; null: nothing to compare yet. */
  chainAgrees: boolean | null
  /** Its clock minus this node's; null: never heard of. */
  clockSkewMs: number | null
  lastSeenAt: number | null
  startedAt: number | null
  /** Its etcd; null while it cannot be asked. */
  etcd: {
    healthy: boolean
    /** One line when it is not. */
    problem: string | null
    version: string
    databaseBytes: number
    databaseInUseBytes: number
    rssBytes: number
    /** Round trip of this node's last proposal to be committed, ms; null: none lately. */
    commitMs: number | null
  } | null
}

export interface ClusterView {
  mode: 'single' | 'cluster'
  /** Node that answered. */
  nodeId: string
  /** Changes with a recovery from lost quorum; empty on a single node. */
  generation: string
  leader: string | null
  term: number
  voters: number
  /** Voters that have to be there for the cluster to write. */
  quorum: number
  reachableVoters: number
  writable: boolean
  /** One line when it is not writable. */
  reason: string | null
  /** Oldest version among the members: what needs a newer one waits. */
  commonVersion: string
  members: ClusterMember[]
  invitations: InvitationView[]
}

export interface InvitationView {
  id: string
  createdBy: string
  createdAt: number
  expiresAt: number
  usedAt: number | null
  /** Name of the node that joined with it. */
  usedBy: string | null
}

/** Who carried out a change: membership goes through the leader, whoever was asked. */
export interface CarriedOut {
  nodeId: string
  nodeName: string
  /** Whether the node that was asked handed it on. */
  forwarded: boolean
}

/** What a new node gets on joining. Passes only over TLS that the code's fingerprint vouches for. */
export interface Admission {
  facility: string
  generation: string
  /** etcd's first start: NAME=URL,NAME=URL. */
  initialCluster: string
  /** PEM: certificate and key of the facility's authority, and of the authority between nodes. */
  authority: { certificate: string; key: string }
  interconnect: { certificate: string; key: string }
  peers: { nodeId: string; name: string; address: string; httpsPort: number; peerPort: number }[]
}

/** What recovering from lost quorum would mean. */
export interface RecoveryPlan {
  /** False: the cluster has its quorum, or a node further ahead can be reached. */
  possible: boolean
  /** One line: why, or why not. */
  reason: string
  /** This node's newest entry. */
  index: number
  survivors: {
    nodeId: string
    name: string
    index: number
    reachable: boolean
    self: boolean
    lastSeenAt: number | null
  }[]
  /** Entries that other members are known to have had and this node has not. */
  knownLoss: number
  /** What is lost beyond that, in one line. */
  warning: string
}

export interface ClusterService {
  status(): Promise<ClusterView>
  live(signal: AbortSignal): AsyncIterable<ClusterView>
  /** Makes a single node the first member of a cluster; it starts anew within seconds. */
  create(value: input.ClusterCreate, caller: Caller): Promise<{ address: string }>
  invite(
    value: input.ClusterInvite,
    caller: Caller,
  ): Promise<{ id: string; code: string; expiresAt: number } & { by: CarriedOut }>
  revokeInvitation(value: { id: string }, caller: Caller): Promise<void>
  /** Called by a new node with the secret of its code; the secret is used up. */
  admit(value: input.ClusterAdmit, origin: Origin): Promise<Admission>
  /** Called on a node that is not set up: joins the cluster of the code. Needs the node's own set-up code. */
  join(value: input.ClusterJoin, origin: Origin): Promise<{ facility: string }>
  /**
   * Called by a member on a node that is not set up: offers it a place. Both prove that they know the new node's set-up
   * code without telling it, bound to the certificates at both ends of the connection.
   */
  offer(value: input.ClusterOffer, origin: Origin): Promise<{ proof: string; facility: string }>
  /** Takes in a node that was found on the network, by the code on its own screen. */
  add(value: input.ClusterAdd, caller: Caller): Promise<{ nodeName: string; by: CarriedOut }>
  /** Takes a member out for good; what it holds is worth nothing from then on. */
  remove(value: { nodeId: string }, caller: Caller): Promise<CarriedOut>
  /** Tells the others where this node is now reached. */
  setAddress(value: input.ClusterAddress, caller: Caller): Promise<CarriedOut>
  recoveryPlan(): Promise<RecoveryPlan>
  /** Makes this node the only member after the others are lost for good. */
  recover(value: input.ClusterRecover, caller: Caller): Promise<{ index: number }>
}
