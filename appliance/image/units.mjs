// Which of Debian's units run on the appliance. A start under emulation spends most of its time starting programs, so
// what does nothing on a machine without accounts, packages and changes to /etc is off.

/** Units that run, beside those that packages enable by themselves. */
export const enabledUnits = [
  'systemd-networkd',
  'systemd-timesyncd',
  'nftables',
  'rauc',
  'holdfast',
  'holdfast-grow-data',
  'holdfast-prepare',
  'holdfast-join',
  'holdfast-health',
  'holdfast-console',
  'holdfast-update-request.path',
]

export const maskedUnits = [
  // Nobody signs in on a console.
  'getty@.service',
  'serial-getty@.service',
  'getty.target',
  'console-getty.service',
  'container-getty@.service',
  'autovt@.service',
  'debug-shell.service',
  'emergency.service',
  'rescue.service',
  'ctrl-alt-del.target',
  'systemd-firstboot.service',
  'systemd-user-sessions.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  // Nothing asks a mirror or tends a disk that is not changed.
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'grub-common.service',
  // /etc and /var are new at every start, made when the image was built, and have nothing to catch up with.
  'ldconfig.service',
  'systemd-hwdb-update.service',
  'systemd-journal-catalog-update.service',
  'systemd-sysusers.service',
  'systemd-update-done.service',
  'systemd-random-seed.service',
  'systemd-machine-id-commit.service',
  'systemd-pstore.service',
  'systemd-networkd-persistent-storage.service',
  'systemd-remount-fs.service',
  // The kernel loads modules when their device is opened; these file systems nobody uses.
  'modprobe@.service',
  'systemd-binfmt.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  // No arguments of the kernel, credentials or TPM configure this machine.
  'systemd-network-generator.service',
  'systemd-udev-load-credentials.service',
  'systemd-hibernate-clear.service',
  'systemd-pcrmachine.service',
  'systemd-pcrphase.service',
  'systemd-pcrphase-sysinit.service',
  'systemd-tpm2-setup.service',
  'systemd-tpm2-setup-early.service',
]

/** Of the programs that make units while systemd starts, only that of /etc/fstab has something to do. */
export const maskedGenerators = [
  'debug',
  'getty',
  'gpt-auto',
  'hibernate-resume',
  'rc-local',
  'run',
  'ssh',
  'system-update',
  'sysv',
  'tpm2',
].map((name) => `systemd-${name}-generator`)
