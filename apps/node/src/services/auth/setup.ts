import { HoldfastError } from '@holdfast/api/contract/errors'
import type * as input from '@holdfast/api/contract/inputs'
import type { LoginResult, Origin, Services } from '@holdfast/api/services'
import type { DataFolder } from '../../data-folder.ts'
import type { Proposer } from '../../log/proposer.ts'
import { newId } from '../../platform/random.ts'
import { systemActor } from '../../state/commands.ts'
import type { Directory, PersonRecord } from '../../state/directory.ts'
import { fingerprint } from '../../trust/certificates.ts'
import { checkPassword } from '../../trust/password-rules.ts'
import type { Passwords } from '../../trust/passwords.ts'
import { newRecoveryCodes } from '../../trust/recovery-codes.ts'
import type { SetupCode } from '../../trust/setup-code.ts'
import { defaultPolicy } from '../settings/policy.ts'
import type { AuthService } from './auth.ts'

export interface SetupOptions {
  folder: DataFolder
  directory: Directory
  proposer: Proposer
  passwords: Passwords
  setupCode: SetupCode
  version: string
  /** Told once the facility exists. */
  onSetUp: () => void
}

export interface NewFacility {
  facility: string
  nodeName: string
  owner: string
  displayName: string
  password: string
}

/** First set-up: from a node that knows nobody to a facility with its owner. */
export class SetupService {
  private readonly o: SetupOptions
  private completing = false

  constructor(options: SetupOptions) {
    this.o = options
  }

  get setUp(): boolean {
    return this.o.directory.people.size > 0
  }

  state(): ReturnType<Services['setup']['state']> {
    const { folder, directory, version } = this.o
    return {
      setUp: this.setUp,
      nodeName: folder.identity.nodeName,
      // A node that joins a cluster knows its facility before it has the state.
      facility: this.setUp ? directory.setting('facility', '') : folder.identity.facility || null,
      caFingerprint: folder.caFingerprint.colons,
      version,
    }
  }

  /** @throws HoldfastError `already-set-up`, `wrong-code`, `locked-out` */
  checkCode({ code }: { code: string }, origin: Origin): void {
    if (this.setUp) throw alreadySetUp()
    this.o.setupCode.check(code, origin.remote)
  }

  /** @throws HoldfastError `already-set-up`, `wrong-code`, `locked-out`, `weak-password` */
  async complete(
    value: input.SetupInput,
    origin: Origin,
    auth: AuthService,
  ): Promise<{
    login: LoginResult
    recoveryCodes: string[]
    caFingerprint: string
    facility: string
    nodeName: string
  }> {
    if (this.setUp || this.completing) throw alreadySetUp()
    this.completing = true
    try {
      this.o.setupCode.check(value.code, origin.remote)
      const { owner, recoveryCodes } = await this.create({
        ...value,
        displayName: value.displayName ?? value.owner,
      })
      const login = await auth.openSession(owner, null, origin)
      const { facility, nodeName } = value
      return { login, recoveryCodes, caFingerprint: this.o.folder.caFingerprint.colons, facility, nodeName }
    } finally {
      this.completing = false
    }
  }

  /** Makes the facility; the caller has shown that it may. */
  async create(value: NewFacility): Promise<{ owner: PersonRecord; recoveryCodes: string[] }> {
    const { folder, proposer, passwords, directory } = this.o
    checkPassword(value.password, {
      minLength: defaultPolicy.passwordMinLength,
      notEqualTo: [value.owner, value.displayName, value.facility, value.nodeName],
    })
    const codes = newRecoveryCodes()
    const certificate = folder.trust.node.certificate
    const ownerId = newId('p')
    await proposer.propose('facility.create', systemActor, {
      facility: value.facility,
      node: {
        id: folder.identity.nodeId,
        name: value.nodeName,
        fingerprint: fingerprint(certificate).hex,
        certificate,
      },
      caFingerprint: folder.caFingerprint.colons,
      owner: {
        id: ownerId,
        name: value.owner,
        displayName: value.displayName,
        role: 'owner',
        kind: 'person',
        passwordHash: await passwords.hash(value.password),
        mustChange: false,
      },
      recoveryCodeHashes: codes.map((code) => code.hash),
      settings: { policy: defaultPolicy },
    })
    folder.saveIdentity({ ...folder.identity, nodeName: value.nodeName, facility: value.facility })
    this.o.setupCode.finish()
    this.o.onSetUp()
    const owner = directory.people.get(ownerId)
    if (owner === undefined)
      throw new HoldfastError('internal', 'The owner was stored and cannot be read; the log says why.')
    return { owner, recoveryCodes: codes.map((code) => code.code) }
  }
}

const alreadySetUp = () => new HoldfastError('already-set-up', 'This node is set up already; sign in.')
