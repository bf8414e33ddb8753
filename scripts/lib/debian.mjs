// Programs of Debian that tests use beside the packages of npm.
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { must, StepError, step } from './run.mjs'

/** Where Debian puts libraries of this kind of machine. */
const libraries = `/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch]}-linux-gnu`

/** A program (or the whole path of a file), the package that brings it, and the runners that need it. */
const programs = [
  { program: 'openssl', package: 'openssl', runners: ['unit', 'integration'] },
  { program: 'ip', package: 'iproute2', runners: ['unit', 'integration'] },
  { program: 'dbus-daemon', package: 'dbus', runners: ['unit', 'integration'] },
  { program: 'avahi-daemon', package: 'avahi-daemon', runners: ['unit', 'integration'] },
  { program: 'avahi-browse', package: 'avahi-utils', runners: ['unit', 'integration'] },
  // Links that drop and narrow what they carry, and clocks that jump; `tc` comes with iproute2.
  { program: 'nft', package: 'nftables', runners: ['integration'] },
  { program: `${libraries}/faketime/libfaketime.so.1`, package: 'libfaketime', runners: ['integration'] },
  { program: 'chromium', package: 'chromium', runners: ['e2e'] },
  { program: 'systemd-socket-activate', package: 'systemd', runners: ['integration'] },
  { program: 'systemd-analyze', package: 'systemd', runners: ['integration'] },
  { program: 'systemd-nspawn', package: 'systemd-container', runners: ['packages'] },
  { program: 'podman', package: 'podman', runners: ['packages'] },
  { program: 'runc', package: 'runc', runners: ['packages'] },
  { program: 'crun', package: 'crun', runners: ['packages'] },
  { program: 'mandoc', package: 'mandoc', runners: ['packages'] },
  { program: 'mmdebstrap', package: 'mmdebstrap', runners: ['image', 'oci', 'packages'] },
  {
    program: 'mksquashfs',
    package: 'squashfs-tools',
    runners: ['image', 'unit', 'integration', 'packages', 'vm'],
  },
  { program: 'mkfs.vfat', package: 'dosfstools', runners: ['image', 'vm'] },
  { program: 'mcopy', package: 'mtools', runners: ['image', 'vm'] },
  { program: 'sfdisk', package: 'fdisk', runners: ['image', 'vm'] },
  { program: 'mke2fs', package: 'e2fsprogs', runners: ['image', 'vm'] },
  { program: 'openssl', package: 'openssl', runners: ['image', 'vm'] },
  { program: 'zstd', package: 'zstd', runners: ['image'] },
  { program: 'xz', package: 'xz-utils', runners: ['image'] },
  { program: 'rauc', package: 'rauc', runners: ['image', 'packages'] },
  { program: 'grub-mkimage', package: 'grub-common', runners: ['image'] },
  { program: '../lib/grub/i386-pc/boot.img', package: 'grub-pc-bin', runners: ['image'] },
  { program: '../lib/grub/x86_64-efi/kernel.img', package: 'grub-efi-amd64-bin', runners: ['image'] },
  { program: 'qemu-img', package: 'qemu-utils', runners: ['image', 'vm'] },
  { program: 'qemu-system-x86_64', package: 'qemu-system-x86', runners: ['vm'] },
  { program: '../share/OVMF/OVMF_CODE_4M.fd', package: 'ovmf', runners: ['vm'] },
]
/** Daemons stand outside the PATH of people who are not root. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Installs what the runners need and the machine lacks, when it may; otherwise says what to install. */
export async function installPrograms(runners) {
  const missing = programs
    .filter((entry) => entry.runners.some((runner) => runners.includes(runner)) && !onPath(entry.program))
    .map((entry) => entry.package)
  if (missing.length === 0) return
  const byHand = `apt-get install ${missing.join(' ')}`
  if (!onPath('apt-get')) throw new StepError(`these tests need Debian's packages: ${missing.join(' ')}`)
  if (process.getuid?.() !== 0) throw new StepError(`these tests need more of Debian, run as root: ${byHand}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const advice = `see that apt reaches its mirror, or install by hand: ${byHand}`
  await step(`Installing ${missing.join(', ')}`, async () => {
    await must('apt-get', ['update', '-q'], { env, advice })
    await must('apt-get', ['install', '-qy', '--no-install-recommends', ...missing], { env, advice })
  })
}

function onPath(program) {
  if (isAbsolute(program)) return existsSync(program)
  return [...(process.env.PATH ?? '').split(':'), ...systemFolders].some((folder) =>
    existsSync(join(folder || '.', program)),
  )
}
