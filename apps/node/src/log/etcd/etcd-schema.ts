import type { fromJSON } from '@grpc/proto-loader'

/**
 * The part of etcd's API that Holdfast speaks, as a protocol buffers schema (etcd v3 API, rpc.proto and kv.proto:
 * services etcdserverpb.KV, Watch, Cluster and Maintenance).
 */
type Fields = Record<string, [type: string, id: number, rule?: 'repeated']>

const message = (fields: Fields) => ({
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [type, id, rule]]) => [
      name,
      rule ? { type, id, rule } : { type, id },
    ]),
  ),
})

/** A message of which exactly one field is set. */
const oneOf = (group: string, fields: Fields) => ({
  ...message(fields),
  oneofs: { [group]: { oneof: Object.keys(fields) } },
})

const call = (name: string) => ({
  requestType: `${name}Request`,
  responseType: `${name}Response`,
  comment: '',
})

const withMembers = message({ header: ['ResponseHeader', 1], members: ['Member', 2, 'repeated'] })

export const etcdSchema: Parameters<typeof fromJSON>[0] = {
  nested: {
    etcdserverpb: {
      nested: {
        ResponseHeader: message({
          cluster_id: ['uint64', 1],
          member_id: ['uint64', 2],
          revision: ['int64', 3],
          raft_term: ['uint64', 4],
        }),
        KeyValue: message({
          key: ['bytes', 1],
          create_revision: ['int64', 2],
          mod_revision: ['int64', 3],
          version: ['int64', 4],
          value: ['bytes', 5],
        }),
        RangeRequest: message({
          key: ['bytes', 1],
          range_end: ['bytes', 2],
          limit: ['int64', 3],
          serializable: ['bool', 7],
          keys_only: ['bool', 8],
        }),
        RangeResponse: message({ header: ['ResponseHeader', 1], kvs: ['KeyValue', 2, 'repeated'] }),
        PutRequest: message({ key: ['bytes', 1], value: ['bytes', 2] }),
        PutResponse: message({ header: ['ResponseHeader', 1] }),
        DeleteRangeRequest: message({ key: ['bytes', 1], range_end: ['bytes', 2] }),
        DeleteRangeResponse: message({ header: ['ResponseHeader', 1], deleted: ['int64', 2] }),
        CompactionRequest: message({ revision: ['int64', 1], physical: ['bool', 2] }),
        CompactionResponse: message({ header: ['ResponseHeader', 1] }),
        KV: {
          methods: {
            Range: call('Range'),
            Put: call('Put'),
            DeleteRange: call('DeleteRange'),
            Compact: call('Compaction'),
          },
        },
        WatchRequest: oneOf('request_union', {
          create_request: ['WatchCreateRequest', 1],
          progress_request: ['WatchProgressRequest', 3],
        }),
        WatchCreateRequest: message({
          key: ['bytes', 1],
          range_end: ['bytes', 2],
          start_revision: ['int64', 3],
          progress_notify: ['bool', 4],
          fragment: ['bool', 8],
        }),
        WatchProgressRequest: message({}),
        Event: {
          ...message({ type: ['EventType', 1], kv: ['KeyValue', 2] }),
          nested: { EventType: { values: { PUT: 0, DELETE: 1 } } },
        },
        WatchResponse: message({
          header: ['ResponseHeader', 1],
          created: ['bool', 3],
          canceled: ['bool', 4],
          compact_revision: ['int64', 5],
          cancel_reason: ['string', 6],
          fragment: ['bool', 7],
          events: ['Event', 11, 'repeated'],
        }),
        Watch: {
          methods: { Watch: { ...call('Watch'), requestStream: true, responseStream: true } },
        },
        Member: message({
          ID: ['uint64', 1],
          name: ['string', 2],
          peerURLs: ['string', 3, 'repeated'],
          clientURLs: ['string', 4, 'repeated'],
          isLearner: ['bool', 5],
        }),
        MemberAddRequest: message({ peerURLs: ['string', 1, 'repeated'], isLearner: ['bool', 2] }),
        MemberAddResponse: message({
          header: ['ResponseHeader', 1],
          member: ['Member', 2],
          members: ['Member', 3, 'repeated'],
        }),
        MemberRemoveRequest: message({ ID: ['uint64', 1] }),
        MemberRemoveResponse: withMembers,
        MemberUpdateRequest: message({ ID: ['uint64', 1], peerURLs: ['string', 2, 'repeated'] }),
        MemberUpdateResponse: withMembers,
        MemberListRequest: message({ linearizable: ['bool', 1] }),
        MemberListResponse: withMembers,
        MemberPromoteRequest: message({ ID: ['uint64', 1] }),
        MemberPromoteResponse: withMembers,
        Cluster: {
          methods: {
            MemberAdd: call('MemberAdd'),
            MemberRemove: call('MemberRemove'),
            MemberUpdate: call('MemberUpdate'),
            MemberList: call('MemberList'),
            MemberPromote: call('MemberPromote'),
          },
        },
        AlarmRequest: {
          ...message({ action: ['AlarmAction', 1], memberID: ['uint64', 2], alarm: ['AlarmType', 3] }),
          nested: { AlarmAction: { values: { GET: 0, ACTIVATE: 1, DEACTIVATE: 2 } } },
        },
        AlarmType: { values: { NONE: 0, NOSPACE: 1, CORRUPT: 2 } },
        AlarmMember: message({ memberID: ['uint64', 1], alarm: ['AlarmType', 2] }),
        AlarmResponse: message({ header: ['ResponseHeader', 1], alarms: ['AlarmMember', 2, 'repeated'] }),
        StatusRequest: message({}),
        StatusResponse: message({
          header: ['ResponseHeader', 1],
          version: ['string', 2],
          dbSize: ['int64', 3],
          leader: ['uint64', 4],
          raftIndex: ['uint64', 5],
          raftTerm: ['uint64', 6],
          raftAppliedIndex: ['uint64', 7],
          errors: ['string', 8, 'repeated'],
          dbSizeInUse: ['int64', 9],
          isLearner: ['bool', 10],
        }),
        DefragmentRequest: message({}),
        DefragmentResponse: message({ header: ['ResponseHeader', 1] }),
        MoveLeaderRequest: message({ targetID: ['uint64', 1] }),
        MoveLeaderResponse: message({ header: ['ResponseHeader', 1] }),
        Maintenance: {
          methods: {
            Alarm: call('Alarm'),
            Status: call('Status'),
            Defragment: call('Defragment'),
            MoveLeader: call('MoveLeader'),
          },
        },
      },
    },
  },
}
