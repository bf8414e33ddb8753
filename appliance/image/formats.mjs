// The disk in the forms that hypervisors take.
import {
  closeSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { sha256, tool } from './lib.mjs'

/** Size of a virtual disk. It takes no room on the host that is not written; the data partition grows into it. */
const diskGib = 32

export async function makeQcow2(raw, to) {
  await tool('qemu-img', ['convert', '-O', 'qcow2', '-c', raw, to])
  await tool('qemu-img', ['resize', '-q', to, `${diskGib}G`])
}

/** An OVA: description, manifest and stream-optimised disk in one tar (DMTF DSP0243 2.1). */
export async function makeOva({ raw, to, version, date }) {
  const folder = dirname(to)
  const name = basename(to, '.ova')
  const file = (suffix) => join(folder, `${name}${suffix}`)
  const disk = `${name}-disk1.vmdk`
  const large = file('.large')
  await tool('cp', ['--sparse=always', raw, large])
  truncateSync(large, diskGib * 1024 ** 3)
  await tool('qemu-img', [
    'convert',
    '-O',
    'vmdk',
    '-o',
    'subformat=streamOptimized,adapter_type=lsilogic',
    large,
    join(folder, disk),
  ])
  fixContentId(join(folder, disk))
  writeFileSync(
    file('.ovf'),
    ovf({ disk, bytes: statSync(join(folder, disk)).size, capacity: statSync(large).size, version }),
  )
  const sums = []
  for (const each of [`${name}.ovf`, disk])
    sums.push(`SHA256(${each})= ${await sha256(join(folder, each))}\n`)
  writeFileSync(file('.mf'), sums.join(''))
  const tar = [
    '--format=ustar',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=0644',
    `--mtime=@${date}`,
  ]
  await tool('tar', [...tar, '-C', folder, '-cf', to, `${name}.ovf`, `${name}.mf`, disk])
  for (const each of [file('.ovf'), file('.mf'), join(folder, disk), large]) rmSync(each)
}

/** qemu-img draws the content id of a VMDK; the same disk gets the same one. */
function fixContentId(vmdk) {
  const handle = openSync(vmdk, 'r+')
  try {
    const head = Buffer.alloc(64 * 1024)
    const length = readSync(handle, head, 0, head.length, 0)
    const at = head.subarray(0, length).indexOf('\nCID=')
    if (at < 0) throw new Error(`${vmdk} has no content id`)
    writeSync(handle, Buffer.from('686f6c64'), 0, 8, at + 5)
  } finally {
    closeSync(handle)
  }
}

const item = (fields) =>
  `<Item>${Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `<rasd:${name}>${value}</rasd:${name}>`)
    .join('')}</Item>`

function ovf({ disk, bytes, capacity, version }) {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
<References><File ovf:id="file1" ovf:href="${disk}" ovf:size="${bytes}"/></References>
<DiskSection><Info>Disks</Info><Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="${capacity}" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/></DiskSection>
<NetworkSection><Info>Networks</Info><Network ovf:name="LAN"><Description>The LAN of the facility</Description></Network></NetworkSection>
<VirtualSystem ovf:id="holdfast"><Info>Holdfast ${version}</Info><Name>holdfast</Name>
<OperatingSystemSection ovf:id="96"><Info>Debian 64-bit</Info></OperatingSystemSection>
<VirtualHardwareSection><Info>Hardware</Info>
<System><vssd:ElementName>Hardware</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemIdentifier>holdfast</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
${item({ ElementName: '2 processors', InstanceID: 1, ResourceType: 3, VirtualQuantity: 2 })}
${item({ AllocationUnits: 'byte * 2^20', ElementName: '2048 MB of memory', InstanceID: 2, ResourceType: 4, VirtualQuantity: 2048 })}
${item({ Address: 0, ElementName: 'SATA controller', InstanceID: 3, ResourceSubType: 'AHCI', ResourceType: 20 })}
${item({ AddressOnParent: 0, ElementName: 'disk', HostResource: 'ovf:/disk/disk1', InstanceID: 4, Parent: 3, ResourceType: 17 })}
${item({ AutomaticAllocation: 'true', Connection: 'LAN', ElementName: 'network', InstanceID: 5, ResourceSubType: 'E1000', ResourceType: 10 })}
</VirtualHardwareSection></VirtualSystem></Envelope>
`
}
