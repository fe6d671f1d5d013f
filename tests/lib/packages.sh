# packages.sh -- what a machine needs before anything can be built here, and how to get it on
# Debian and Ubuntu. Needs say.sh.
#
# The check costs a few milliseconds and no package manager; apt-get is only called when something
# is missing, and every package it is asked for is named before.

# "what is looked for = the package that has it". A name alone is a command, "pc:NAME" a
# pkg-config module, "so:NAME" a shared library, "lib:NAME" what -lNAME needs, "rt:NAME" a part of clang's runtime, "py:NAME" a Python module.
packages_needed='
cc=gcc
cmake=cmake
ninja=ninja-build
pkg-config=pkg-config
git=git
curl=curl
python3=python3
nm=binutils
c++=g++
so:libc.so.6=libc6-dev
pc:check=check
pc:libnats=libnats-dev
pc:libcrypto=libssl-dev
pc:libdw=libdw-dev
lib:bz2=libbz2-dev
pc:sqlite3=libsqlite3-dev
py:venv=python3-venv
py:ensurepip=python3-venv
py:ssl=ca-certificates
so:libcurl.so.4=libcurl4
'
# Only where it is compiled a second time, fuzzed, or judged.
packages_clang='
clang=clang
rt:fuzzer=libclang-rt-dev
'
packages_lint='
clang-format=clang-format
clang-tidy=clang-tidy
shellcheck=shellcheck
'

# packages_have WHAT: is it there?
packages_have() {
    case $1 in
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    so:*) /sbin/ldconfig -p 2>/dev/null | grep -q -F "${1#so:} " ;;
    rt:*) [ -n "$(find "$(clang -print-runtime-dir 2>/dev/null)" -name "libclang_rt.${1#rt:}[-.]*" 2>/dev/null)" ] ;;
    lib:*) cc -shared -o /dev/null "-l${1#lib:}" 2>/dev/null ;; # libdw.pc wants bz2 for static programs
    py:*) python3 -c "import ${1#py:}" 2>/dev/null ;;
    nats-server) PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nats-server >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# libmongoc and libbson have other module names from 2.0 on.
packages_mongoc() {
    packages_have pc:libmongoc-1.0 && packages_have pc:libbson-1.0 && return 0
    packages_have pc:mongoc2 && packages_have pc:bson2
}

# packages_missing LIST: prints the packages that have to be installed.
packages_missing() {
    for line in $1; do
        packages_have "${line%%=*}" || printf '%s\n' "${line#*=}"
    done | sort -u
    packages_mongoc || printf '%s\n' libmongoc-dev libbson-dev
}

# Another apt-get may be at work: a machine that was just started updates itself.
packages_apt="-o DPkg::Lock::Timeout=300"

# packages_install PACKAGE...: by apt-get, as root or with sudo.
packages_install() {
    command -v apt-get >/dev/null 2>&1 ||
        fail "these packages are missing and there is no apt-get to install them: $*; install them by hand."
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            fail "these packages are missing: $*; run this as root, or: apt-get install $*"
        as_root=sudo
    fi
    say "installing by apt-get: $*"
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get $packages_apt install -y -q --no-install-recommends "$@" </dev/null >&2; then
        # The list of packages may be old or, in a fresh image, empty.
        $as_root apt-get $packages_apt update -q </dev/null >&2 || fail "apt-get update failed; see its words above."
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get $packages_apt install -y -q --no-install-recommends "$@" </dev/null >&2 ||
            fail "apt-get could not install $*; see its words above."
    fi
}

# packages_ensure LIST: installs what is missing of it.
packages_ensure() {
    missing=$(packages_missing "$1")
    [ -z "$missing" ] || packages_install $missing
}
