#!/bin/busybox sh
# First program of the guest: builds the root file system and hands over to run.sh.
# Any step that fails ends the boot, and PID 1's end is a panic that the host sees.
set -e
/bin/busybox mkdir -p /proc /sys /lower /upper /new /whole
/bin/busybox --install -s /bin
export PATH=/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

while read -r module; do
	insmod "/modules/$module"
done < /modules/order

# The port appears some time after its driver does.
until [ -c /dev/vport0p1 ]; do
	sleep 0.02
done
exec 3<> /dev/vport0p1

# The host's files below, read-only; memory on top, for all that is written.
mount -t virtiofs -o ro host /lower
mount -t tmpfs tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /new
mount --bind /new /whole

mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs devtmpfs /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /new/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /new/dev/shm
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
mount -t tmpfs -o mode=755 tmpfs /new/run
ln -sf /proc/self/fd /new/dev/fd
ln -sf /proc/self/fd/0 /new/dev/stdin
ln -sf /proc/self/fd/1 /new/dev/stdout
ln -sf /proc/self/fd/2 /new/dev/stderr

# What an ordinary system has mounted and a tracer asks for.
mount -t tracefs tracefs /new/sys/kernel/tracing
mount -t debugfs debugfs /new/sys/kernel/debug
mount -t securityfs securityfs /new/sys/kernel/security
mount -t bpf -o mode=700 bpf /new/sys/fs/bpf
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
for controller in cpu memory pids; do
	if grep -qw "$controller" /new/sys/fs/cgroup/cgroup.controllers; then
		echo "+$controller" > /new/sys/fs/cgroup/cgroup.subtree_control
	fi
done

# Folders the command needs that an empty tmpfs would hide.
while read -r folder; do
	mkdir -p "/new$folder"
	mount --bind "/whole$folder" "/new$folder"
done < /keep
umount /whole

hostname guest
ip link set lo up

mkdir /new/run/guest
cp /bin/busybox /run.sh /command /new/run/guest/
# Not chroot: in a changed root the kernel refuses new user namespaces.
exec switch_root /new /run/guest/busybox sh /run/guest/run.sh
