/** The audit log's actions in words, and what each means for whoever reads the log. */

/** Areas of actions, for the filter: an action begins with its area and a dot. */
export const actionAreas: { prefix: string; title: string }[] = [
  { prefix: 'auth.', title: 'Signing in' },
  { prefix: 'person.', title: 'People' },
  { prefix: 'group.', title: 'Groups' },
  { prefix: 'channel.', title: 'Channels' },
  { prefix: 'message.', title: 'Messages changed' },
  { prefix: 'device.', title: 'Devices' },
  { prefix: 'settings.', title: 'Settings' },
  { prefix: 'audit.', title: 'The audit log itself' },
  { prefix: 'facility.', title: 'Set-up' },
  { prefix: 'log.', title: 'Seals of the log' },
  { prefix: 'update.', title: 'Updates' },
  { prefix: 'backup.', title: 'Backups' },
  { prefix: 'cluster.', title: 'Nodes of the cluster' },
  { prefix: 'access.', title: 'Refused for the role' },
]

interface ActionWords {
  title: string
  meaning: string
}

const known: Record<string, ActionWords> = {
  'access.refused': {
    title: 'Access refused',
    meaning:
      'Somebody tried what the role does not allow; the detail says what, and how many tries were left out.',
  },
  'cluster.created': {
    title: 'Cluster created',
    meaning: 'A node that had worked alone became the first of a cluster.',
  },
  'cluster.invited': {
    title: 'Node invited',
    meaning: 'A join code was made. Whoever has it can bring one node into the cluster until it ends.',
  },
  'cluster.invitation-revoked': {
    title: 'Invitation revoked',
    meaning: 'The join code is of no use any more.',
  },
  'cluster.node-added': {
    title: 'Node added',
    meaning: 'It has everything that the facility has, and counts for a majority once it has caught up.',
  },
  'cluster.node-updated': {
    title: 'Node changed',
    meaning: 'Its name, address, port or version is another one.',
  },
  'cluster.node-removed': {
    title: 'Node removed',
    meaning: 'It is no member any more and is told nothing new.',
  },
  'cluster.node-diverged': {
    title: 'Node differed',
    meaning:
      'Its state was not that of most nodes, and it took theirs. Its disk, its memory or somebody is at fault; audit files that did not fit are kept in the folder that the detail names.',
  },
  'cluster.recovered': {
    title: 'Went on alone',
    meaning:
      'Most nodes were given up as lost, and one went on as the only member. What only the lost ones had is gone.',
  },
  'backup.key-set': {
    title: 'Recovery key set',
    meaning:
      'Backups are encrypted for this public key from now on. Whoever has its secret half can read them: make sure that you know who that is.',
  },
  'backup.settings-changed': {
    title: 'Backup schedule changed',
    meaning: 'When backups are made, by which nodes, or how many are kept.',
  },
  'backup.created': { title: 'Backup made', meaning: 'The file and its SHA-256 are in the detail.' },
  'backup.failed': { title: 'Backup failed', meaning: 'The detail says why.' },
  'backup.proven': {
    title: 'Backup proven',
    meaning: 'It was decrypted with the recovery key, checked as a whole, and could have been restored.',
  },
  'backup.restored': {
    title: 'Backup restored',
    meaning:
      'The facility goes on from a backup, on another node. What happened after its moment is lost; what was revoked since has to be again.',
  },
  'auth.login': { title: 'Signed in', meaning: 'Somebody signed in with a password; a session began.' },
  'auth.login-failed': {
    title: 'Sign-in failed',
    meaning: 'A wrong name or password. Several from one address may be somebody guessing.',
  },
  'auth.locked-out': {
    title: 'Locked out',
    meaning: 'Too many wrong passwords: the person has to wait, or be unlocked under People.',
  },
  'auth.recovered': {
    title: 'Signed in with a recovery code',
    meaning:
      'A code of the recovery kit was used to set a new password. Make sure that the person knows of it.',
  },
  'auth.recovery-codes-renewed': {
    title: 'Recovery codes renewed',
    meaning: 'An owner made new recovery codes after showing the password; all codes from before are void.',
  },
  'auth.session-ended': {
    title: 'Session ended',
    meaning: 'Signed out, or ended by somebody; the detail says why.',
  },
  'person.added': { title: 'Person added', meaning: 'A new account.' },
  'person.updated': { title: 'Person changed', meaning: 'The display name was changed.' },
  'person.role': {
    title: 'Role changed',
    meaning: 'What the person may do has changed; the detail has both roles.',
  },
  'person.password': { title: 'Password set', meaning: 'A new password; all sessions of the person ended.' },
  'person.suspended': {
    title: 'Person suspended',
    meaning: 'May not sign in; all sessions were cut at once.',
  },
  'person.resumed': { title: 'Person resumed', meaning: 'May sign in again.' },
  'person.unlocked': { title: 'Person unlocked', meaning: 'A lock-out after wrong passwords was lifted.' },
  'person.erased': {
    title: 'Person erased',
    meaning:
      'Name, password, sessions and devices are gone for good; what was written stays, without the name.',
  },
  'person.sessions-ended': {
    title: 'Sessions ended',
    meaning: 'All sessions of the person were cut at once.',
  },
  'group.created': { title: 'Group created', meaning: 'A new group of people.' },
  'group.updated': { title: 'Group changed', meaning: 'Its name or description was changed.' },
  'group.removed': {
    title: 'Group removed',
    meaning: 'Whoever was in a channel only through it is not any more.',
  },
  'group.members-added': {
    title: 'Group members added',
    meaning: 'They are in the channels of the group from now on.',
  },
  'group.members-removed': {
    title: 'Group members removed',
    meaning: 'They leave the channels of the group.',
  },
  'channel.created': { title: 'Channel created', meaning: 'A new channel, or a first direct conversation.' },
  'channel.updated': {
    title: 'Channel changed',
    meaning: 'Name, topic or retention; the detail has before and after.',
  },
  'channel.archived': { title: 'Channel archived', meaning: 'It can be read; nobody writes in it.' },
  'channel.unarchived': { title: 'Channel unarchived', meaning: 'It can be written in again.' },
  'channel.joined': { title: 'Channel joined', meaning: 'Somebody joined an open channel by himself.' },
  'channel.left': { title: 'Channel left', meaning: 'Somebody left by himself.' },
  'channel.members-added': { title: 'Channel members added', meaning: 'By name or by group.' },
  'channel.members-removed': { title: 'Channel members removed', meaning: 'By name or by group.' },
  'channel.member-role': { title: 'Role in a channel changed', meaning: 'Who may write or manage there.' },
  'channel.expired': {
    title: 'Messages removed by retention',
    meaning: 'Messages older than the channel keeps them were removed; the detail says up to which.',
  },
  'message.edited': {
    title: 'Message edited',
    meaning: 'The detail has digests of both texts, not the texts.',
  },
  'message.deleted': {
    title: 'Message deleted',
    meaning: 'Its text is gone; the detail has a digest of it.',
  },
  'device.enrolled': { title: 'Device enrolled', meaning: 'A new key was presented and proved.' },
  'device.approved': { title: 'Device approved', meaning: 'It got a certificate of the internal CA.' },
  'device.revoked': {
    title: 'Device revoked',
    meaning: 'Its connections were cut; its key is refused for good.',
  },
  'device.updated': { title: 'Device changed', meaning: 'Name, site or tags.' },
  'settings.changed': {
    title: 'Facility settings changed',
    meaning: 'Rules for everybody; the detail has the values.',
  },
  'settings.node-changed': {
    title: 'Node settings changed',
    meaning: 'Discovery of this node; the detail has the values.',
  },
  'update.installed': {
    title: 'Update installed',
    meaning: 'A new version was written; it runs on trial after the restart.',
  },
  'update.trial': { title: 'Update on trial', meaning: 'The new version was started, clients kept out.' },
  'update.confirmed': { title: 'Update confirmed', meaning: 'The new version proved healthy and stays.' },
  'update.rolled-back': {
    title: 'Update taken back',
    meaning: 'The new version did not prove healthy: the old one runs again with its own databases.',
  },
  'update.refused': {
    title: 'Update refused',
    meaning: 'The bundle was not taken; the detail says why. A foreign signature is worth asking about.',
  },
  'update.failed': {
    title: 'Update failed',
    meaning: 'Something broke while it was written; the old version runs.',
  },
  'update.rollout-begun': {
    title: 'Update of the cluster begun',
    meaning: 'Its nodes are updated one after the other; the detail has their order.',
  },
  'update.rollout-asked': {
    title: 'Node to be updated',
    meaning: 'The node was asked to install the new version.',
  },
  'update.rollout-updated': { title: 'Node updated', meaning: 'The node runs the new version and serves.' },
  'update.rollout-failed': {
    title: 'Node not updated',
    meaning: 'The node did not get to the new version; the detail says why. No other node follows.',
  },
  'update.rollout-done': { title: 'Cluster updated', meaning: 'Every node runs the new version.' },
  'update.rollout-stopped': {
    title: 'Update of the cluster stopped',
    meaning: 'Some nodes keep the old version; the detail says why. Both versions work together.',
  },
  'audit.restored': {
    title: 'Audit files restored',
    meaning: 'The files lacked events when the node started; they were written again from the database.',
  },
  'audit.verified': {
    title: 'Audit log verified',
    meaning: 'Somebody had the chain checked; the detail has the result.',
  },
  'audit.key-published': {
    title: 'Key for checkpoints published',
    meaning:
      'A node said by which key it signs checkpoints of this log. A second time for the same node means that it was replaced.',
  },
  'audit.disputed': {
    title: 'Checkpoint disputed',
    meaning:
      'The node’s events are not those of a checkpoint that another node signed: one of them was changed. Verify both.',
  },
  'audit.dispute-settled': {
    title: 'Dispute settled',
    meaning: 'The node confirms a later checkpoint: it has the same history as the others again.',
  },
  'audit.exported': { title: 'Audit log exported', meaning: 'Somebody took a copy of the log away.' },
  'facility.created': {
    title: 'Facility created',
    meaning: 'This node was set up; the first event of the log.',
  },
  'log.sealed': {
    title: 'Log sealed',
    meaning: 'A hash over everything that was applied since the last seal, messages included.',
  },
}

/** An action in words; one that this page does not know yet is spelt out: `edge.linkLost` → "Edge link lost". */
export function actionText(action: string): string {
  const words = known[action]
  if (words !== undefined) return words.title
  const text = action
    .replaceAll(/[._-]/g, ' ')
    .replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export const actionMeaning = (action: string): string | null => known[action]?.meaning ?? null
