/** What QEMU is told for a machine of a test: no acceleration, one processor, nothing that was not asked for. */
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LanPlug } from './vm-lan.ts'

export interface VmOptions {
  /** Names its logs. */
  name: string
  /** Folder of overlay, variables and logs. */
  folder: string
  /** Disk image; use `overlayOf` to keep the original as it is. */
  disk: string
  firmware?: 'bios' | 'uefi'
  memoryMib?: number
  /** Raw images that show as USB sticks. */
  sticks?: readonly string[]
  /** Strings of SMBIOS type 11. */
  smbios?: readonly string[]
  /** Another disk, such as the target of an installer. */
  secondDisk?: string
  /** Its place on a LAN; without it it is alone with this host. */
  plug?: LanPlug
  /** Alone, but QEMU offers a way to elsewhere: a router and a name server. */
  outside?: boolean
}

const httpsPort = 443
/** Of each packet its headers are kept. */
const capturedBytes = 128

export const formatOf = (file: string) => (file.endsWith('.qcow2') ? 'qcow2' : 'raw')

/**
 * @param place.port of this host, which leads to the machine's HTTPS
 * @param place.capture file that gets every packet, in pcap format
 * @returns the command with its arguments
 */
export function qemu(options: VmOptions, { port, capture }: { port: number; capture: string }): string[] {
  const { name, folder, disk, plug, memoryMib = 1024, sticks = [], smbios = [] } = options
  const command = [...(plug?.within ?? []), 'qemu-system-x86_64', '-nodefaults', '-display', 'none']
  command.push('-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', `${memoryMib}`, '-serial', 'stdio')
  for (const each of [disk, options.secondDisk])
    if (each) command.push('-drive', `if=virtio,format=${formatOf(each)},file=${each},cache=unsafe`)
  const alone = `user,hostfwd=tcp:127.0.0.1:${port}-:${httpsPort}${options.outside ? '' : ',restrict=on'}`
  command.push('-netdev', `${plug?.netdev ?? alone},id=lan`)
  command.push('-device', `virtio-net-pci,netdev=lan${plug ? `,mac=${plug.mac}` : ''}`)
  command.push('-object', `filter-dump,id=capture,netdev=lan,file=${capture},maxlen=${capturedBytes}`)
  command.push('-device', 'virtio-rng-pci')
  if (sticks.length > 0) command.push('-device', 'qemu-xhci')
  for (const [index, stick] of sticks.entries()) {
    command.push('-drive', `if=none,id=stick${index},format=raw,file=${stick}`)
    command.push('-device', `usb-storage,drive=stick${index},removable=on`)
  }
  for (const [index, text] of smbios.entries()) {
    // In a file, as the handbook has it: arguments are for everybody to read.
    const file = join(folder, `${name}.smbios-${index}`)
    writeFileSync(file, text, { mode: 0o600 })
    command.push('-smbios', `type=11,path=${file}`)
  }
  if (options.firmware === 'uefi') {
    const variables = join(folder, `${name}.vars`)
    if (!existsSync(variables)) copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', variables)
    command.push('-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd')
    command.push('-drive', `if=pflash,unit=1,format=raw,file=${variables}`)
  }
  return command
}
