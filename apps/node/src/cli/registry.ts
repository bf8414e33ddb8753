import type { Command } from 'commander'

export interface Subcommand {
  summary: string
  /** Loads the definition; a command line loads only the one it names, so that it starts fast. */
  load(): Promise<Command>
}

/** Every subcommand, in the order of the help. */
export const subcommands: Readonly<Record<string, Subcommand>> = {
  init: {
    summary: 'make a node: its keys, its databases, its first owner',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  serve: {
    summary: 'run a node',
    load: async () => (await import('./serve.ts')).serveCommand(),
  },
  demo: {
    summary: 'run a node of an invented harbour, with people who talk, to look around in',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  status: {
    summary: 'show how the node is',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  login: {
    summary: 'sign in to a node and remember it',
    load: async () => (await import('./login.ts')).loginCommand(),
  },
  logout: {
    summary: 'end the session and forget it',
    load: async () => (await import('./logout.ts')).logoutCommand(),
  },
  'recovery-codes': {
    summary: 'make new codes for when your password is lost',
    load: async () => (await import('./recovery-codes.ts')).recoveryCodesCommand(),
  },
  send: {
    summary: 'send a message and print its sequence number',
    load: async () => (await import('./send.ts')).sendCommand(),
  },
  tail: {
    summary: 'print messages as they come',
    load: async () => (await import('./tail.ts')).tailCommand(),
  },
  chat: {
    summary: 'talk in a channel',
    load: async () => (await import('./chat.ts')).chatCommand(),
  },
  edit: {
    summary: 'replace the text of an own message',
    load: async () => (await import('./edit.ts')).editCommand(),
  },
  delete: {
    summary: 'delete a message',
    load: async () => (await import('./delete.ts')).deleteCommand(),
  },
  search: {
    summary: 'find messages by their words',
    load: async () => (await import('./search.ts')).searchCommand(),
  },
  who: {
    summary: 'show who is here',
    load: async () => (await import('./who.ts')).whoCommand(),
  },
  channel: {
    summary: 'look after channels',
    load: async () => (await import('./channel.ts')).channelCommand(),
  },
  channels: {
    summary: 'list your channels and the open ones',
    load: async () => (await import('./channel.ts')).channelsCommand(),
  },
  person: {
    summary: 'look after people',
    load: async () => (await import('./person.ts')).personCommand(),
  },
  group: {
    summary: 'look after groups',
    load: async () => (await import('./group.ts')).groupCommand(),
  },
  device: {
    summary: 'look after devices',
    load: async () => (await import('./device.ts')).deviceCommand(),
  },
  cluster: {
    summary: 'look after the cluster: members, invitations, recovery',
    load: async () => (await import('./cluster.ts')).clusterCommand(),
  },
  backup: {
    summary: 'make, list, prove and restore backups',
    load: async () => (await import('./backup.ts')).backupCommand(),
  },
  audit: {
    summary: 'verify, prove, search and export the audit log',
    load: async () => (await import('./audit.ts')).auditCommand(),
  },
  settings: {
    summary: 'show and change the settings of the facility and the node',
    load: async () => (await import('./settings.ts')).settingsCommand(),
  },
  discover: {
    summary: 'find nodes on the LAN',
    load: async () => (await import('./discover.ts')).discoverCommand(),
  },
  health: {
    summary: 'ask the node on this machine whether it serves',
    load: async () => (await import('./health.ts')).healthCommand(),
  },
  doctor: {
    summary: 'check this machine and say how to mend what is wrong',
    load: async () => (await import('./doctor.ts')).doctorCommand(),
  },
  update: {
    summary: 'check and install updates of this machine, or of a whole cluster',
    load: async () => (await import('./update.ts')).updateCommand(),
  },
  appliance: {
    summary: "run the appliance's own programs",
    load: async () => (await import('./appliance.ts')).applianceCommand(),
  },
}
