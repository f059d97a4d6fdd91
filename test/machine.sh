# shellcheck shell=bash
# machine.sh - bare Debian machines for fresh.sh and matrix.sh: a folder that
# debootstrap fills, and commands that see nothing but it.
#
# A command runs as root of the machine in namespaces of its own for processes,
# mounts and IPC: what it leaves running or mounted ends with it.  The network is
# this machine's unless said otherwise, since apt-get needs it.
#
# The mirror is the one that apt-get of this machine uses for Debian, or what
# the variable MIRROR says.  Sourced after lib.sh by a program of root's.

MACHINES=               # folder of all of them, removed at exit unless KEEP=yes
BASES=                  # folder of what debootstrap made, kept if it is given

# site_of LABEL: where this machine's apt-get has Debian's packages from
site_of() {
    apt-get indextargets --format "\$(LABEL)|\$(SITE)" 'Created-By: Packages' 2>/dev/null |
        sed -n "s/^$1|//p" | head -1
}

# prepare_machines [BASES]: must be called first
prepare_machines() {
    local package packages=(debootstrap debian-archive-keyring util-linux iproute2)
    [ "$(id -u)" = 0 ] || fail "only root can make machines"
    have apt-get || fail "apt-get says where packages come from, and is not here"
    for package in "${packages[@]}"; do
        dpkg -s "$package" >/dev/null 2>&1 || install_packages "$package"
    done
    MIRROR=${MIRROR:-$(site_of Debian)}
    [ -n "$MIRROR" ] ||
        fail "this machine's apt-get has no mirror of Debian: say MIRROR=, and run apt-get update"
    MACHINES=$(mktemp -d "${TMPDIR:-/tmp}/qlm-machines.XXXXXX")
    BASES=${1:-$MACHINES/bases}
    mkdir -p "$BASES"
    trap remove_machines EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

remove_machines() {
    local status=$?
    trap '' INT TERM
    if [ "$KEEP" = yes ]; then
        say "The machines stay in $MACHINES"
    else
        rm -rf --one-file-system "$MACHINES"
    fi
    exit "$status"
}

# What a mirror has of a suite besides its packages of the first day
write_sources() {
    local suite=$1 security
    echo "deb $MIRROR $suite main"
    case $suite in
        sid | unstable | testing) return ;;
    esac
    echo "deb $MIRROR $suite-updates main"
    security=$(site_of Debian-Security)
    [ -z "$security" ] || echo "deb $security $suite-security main"
}

# make_base SUITE: by debootstrap, once
make_base() {
    local base=$BASES/$1
    [ ! -e "$base/etc/debian_version" ] || return 0
    rm -rf "$base" "$base.new"
    quietly debootstrap --variant=minbase "$1" "$base.new" "$MIRROR" ||
        return 1
    write_sources "$1" >"$base.new/etc/apt/sources.list"
    mv "$base.new" "$base"
}

# How this machine reaches the mirror; one that stands still is good enough.
write_apt_settings() {
    echo 'Acquire::Check-Valid-Until "false";'
    apt-config dump --format '%F "%v";%n' Acquire | grep -i '::proxy' || true
}

# new_machine NAME SUITE: a bare one, with a clean clone of this repository's
# last commit in /home/qlm.  Packages start no services in it.
new_machine() {
    local root=$MACHINES/$1
    make_base "$2" || return 1
    cp -a "$BASES/$2" "$root"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '127.0.0.1 localhost %s\n::1 localhost\n' "$1" >"$root/etc/hosts"
    write_apt_settings >"$root/etc/apt/apt.conf.d/90machine"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/machine"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2153
    quietly git -c safe.directory='*' clone --no-hardlinks "file://$ROOT" "$root/home/qlm"
}

drop_machine() {
    [ "$KEEP" = yes ] || rm -rf --one-file-system "${MACHINES:?}/$1"
}

# in_machine NAME COMMAND...: in its clone of the repository; with MACHINE_NET=none
# the machine has no network but its own loopback
in_machine() {
    local root=$MACHINES/$1 namespaces=(--mount --pid --ipc --uts --fork --kill-child)
    shift
    [ "${MACHINE_NET:-}" != none ] || namespaces+=(--net)
    unshare "${namespaces[@]}" bash -c "$ENTER_MACHINE" enter "$root" "$@" </dev/null
}

# shellcheck disable=SC2016
ENTER_MACHINE='
set -e
root=$1
shift
[ "${MACHINE_NET:-}" != none ] || ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mount -t tmpfs -o mode=755 tmpfs run
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
hostname "${root##*/}"
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
rmdir /.outside
cd /home/qlm
exec env -i HOME=/root LANG=C.UTF-8 TERM=dumb ${CI:+CI="$CI"} \
    ${http_proxy:+http_proxy="$http_proxy"} \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
'
