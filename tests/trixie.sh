#!/bin/sh
# trixie.sh -- a second look on Debian 13 (libnats 3.10, libmongoc 1.30, gcc 14): compiles the tree there with every
# warning as an error, and runs the tests that need no server.
#
#   sh tests/trixie.sh [TEST-NAME...]    regular expressions; ^unit_ and ^contract_ unless told
#
# Needs root, for chroot, and mmdebstrap, which it installs. The system lies in the cache
# (~/.cache/jetpipe-tests/trixie, about 700 MB) and is made once; remove the folder to have it made anew.
# The tree is copied in; /proc and /dev are mounted for this process alone, and are gone with it.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/lib/say.sh"
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/tools.sh"

[ "$(id -u)" = 0 ] || fail "trixie.sh changes the root folder of a process; run it as root."
if ! unshare -m true 2>/dev/null; then
    echo "skip: this machine does not let a process mount anything of its own (a container without that right)"
    exit 77
fi
packages_have mmdebstrap || packages_install mmdebstrap

root=$tools_cache/trixie
if [ ! -e "$root/complete" ]; then
    say "making a Debian 13 in $root (half a minute)"
    rm -rf "$root"
    mkdir -p "$root"
    mmdebstrap --variant=minbase --quiet \
        --include="gcc,g++,libc6-dev,cmake,ninja-build,pkg-config,binutils,python3,check,libnats-dev,libmongoc-dev,libbson-dev" \
        --include="libsqlite3-dev,libssl-dev,libdw-dev" trixie "$root" >&2
    : >"$root/complete"
fi

say "compiling in it"
rm -rf "$root/src"
mkdir "$root/src"
(cd "$top" && tar -c --exclude='./build*' --exclude=./.git .) | tar -x -C "$root/src"
pattern=
for name in "${@:-^unit_|^contract_}"; do
    pattern=${pattern:+$pattern|}$name
done
export pattern jobs="${JETPIPE_JOBS:-$(nproc)}" root
# shellcheck disable=SC2016 # expanded inside
exec unshare -m sh -eu -c '
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 pattern="$pattern" jobs="$jobs" \
        sh -eu -c "$0"' '
    pkg-config --modversion libnats libmongoc-1.0 | tr "\n" " "
    gcc -dumpfullversion
    cmake -G Ninja -S /src -B /src/build -DJETPIPE_WERROR=ON >/src/log || { cat /src/log; exit 1; }
    cmake --build /src/build -j "$jobs" >/src/log || { cat /src/log; exit 1; }
    cd /src/build && ctest --output-on-failure --no-tests=error -j "$jobs" -R "$pattern"'
