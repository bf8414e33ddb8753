#!/bin/sh
# Last changes to the tree of the image, $1: what differs between two builds goes, boot files get fixed names.
set -eu
root=$1
# Packed once, by the squashfs: unpacking each of them again is slow at the start.
find "$root/usr/lib/modules" -name '*.ko.xz' -print0 | xargs -0 -n 50 -P 2 xz -d
chroot "$root" depmod "$(ls "$root/usr/lib/modules")"
chroot "$root" update-initramfs -u >/dev/null
rm -f "$root"/boot/System.map* "$root"/boot/config-*
for kernel in "$root"/boot/vmlinuz-*; do ln -sf "${kernel##*/}" "$root/boot/vmlinuz"; done
for initrd in "$root"/boot/initrd.img-*; do ln -sf "${initrd##*/}" "$root/boot/initrd.img"; done
rm -f "$root/initrd.img" "$root/initrd.img.old" "$root/vmlinuz" "$root/vmlinuz.old"
rm -f "$root/boot/"*.old

# The account of nobody has a password, and the one of root none that fits.
chroot "$root" usermod -p '!*' -s /usr/sbin/nologin root

: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -rf "$root/var/log/"* "$root/var/cache/ldconfig" "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/cache/debconf"
rm -f "$root/var/lib/dpkg/"*-old "$root/var/lib/systemd/random-seed" "$root/etc/"*- "$root/var/lib/systemd/catalog/database"
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
rm -f "$root/etc/resolv.conf"
ln -s /run/systemd/netif/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/data" "$root/boot/efi" "$root/var/log/journal" "$root/var/lib/holdfast"
# What the console's menu and a set-up keep on the data partition.
ln -s /data/network/10-fixed.network "$root/etc/systemd/network/10-fixed.network"
