import type * as input from '@holdfast/api/contract/inputs'
import type { Role } from '@holdfast/api/contract/policy'
import type { DeviceDetail, DeviceView, Page } from '@holdfast/api/services'
import { withNumbers } from '@holdfast/db'
import type { ClusterPrisma } from '@holdfast/db/prisma'
import type { Presence } from '../presence/presence.ts'

type Row = Awaited<ReturnType<ClusterPrisma['device']['findFirstOrThrow']>> & {
  person: { name: string; role: string }
}
const holder = { person: { select: { name: true, role: true } } } as const

/** Reads of the device registry. */
export class DeviceQueries {
  private readonly prisma: () => Promise<ClusterPrisma>
  private readonly presence: Presence

  constructor(prisma: () => Promise<ClusterPrisma>, presence: Presence) {
    this.prisma = prisma
    this.presence = presence
  }

  async list(query: input.DevicesQuery): Promise<Page<DeviceView>> {
    const prisma = await this.prisma()
    const text = query.text
    const where = {
      ...(query.status && { status: query.status }),
      ...(query.person && { personId: query.person }),
      ...(text && {
        OR: [
          { name: { contains: text } },
          { platform: { contains: text } },
          { site: { contains: text } },
          { tags: { contains: text } },
          { person: { name: { contains: text } } },
        ],
      }),
    }
    const rows = await prisma.device.findMany({
      where,
      include: holder,
      orderBy: [{ enrolledAt: 'desc' }, { id: 'desc' }],
      skip: query.offset,
      take: query.limit,
    })
    return { rows: rows.map((row) => this.view(row)), total: await prisma.device.count({ where }) }
  }

  async ofPerson(personId: string): Promise<DeviceDetail[]> {
    const prisma = await this.prisma()
    const rows = await prisma.device.findMany({
      where: { personId },
      include: holder,
      orderBy: { enrolledAt: 'desc' },
    })
    return rows.map((row) => ({ ...this.view(row), certificate: row.certificate }))
  }

  async get(id: string): Promise<(DeviceDetail & { publicKey: string }) | null> {
    const prisma = await this.prisma()
    const row = await prisma.device.findUnique({
      where: { id },
      include: holder,
    })
    return row && { ...this.view(row), certificate: row.certificate, publicKey: row.publicKey }
  }

  private view(raw: Row): DeviceView {
    const row = withNumbers(raw)
    const {
      id,
      personId,
      name,
      platform,
      site,
      thumbprint,
      serial,
      expiresAt,
      enrolledAt,
      decidedAt,
      decidedBy,
    } = row
    return {
      id,
      personId,
      personName: row.person.name,
      personRole: row.person.role as Role,
      name,
      platform,
      site,
      status: row.status as DeviceView['status'],
      thumbprint,
      serial,
      tags: JSON.parse(row.tags) as string[],
      expiresAt,
      enrolledAt,
      decidedAt,
      decidedBy,
      lastSeenAt: this.presence.deviceSeenAt(row),
      presence: this.presence.ofDevice(row),
    }
  }
}
