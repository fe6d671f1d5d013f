# outside.sh -- installs the build into a temporary folder, and builds a project outside the repository
# against it: with find_package and with pkg-config, shared and static, C11 and C++20. Then it moves the
# installed tree, and does it again.
# Environment: JETPIPE_SOURCE_DIR, JETPIPE_BUILD_DIR (ctest sets both).
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/here

fail() {
    echo "outside.sh: $*"
    exit 1
}

# works PROGRAM: it runs its pipes.
works() {
    said=$("$1" run AddTwo 40 2>"$scratch/stderr") || { cat "$scratch/stderr"; fail "$1 run AddTwo 40 failed."; }
    [ "$said" = 42 ] || fail "$1 run AddTwo 40 printed '$said', not 42."
}

# links PROGRAM yes|no: does it load libjetpipe.so?
links() {
    found=no
    if readelf -d "$1" | grep -q 'NEEDED.*libjetpipe\.so'; then
        found=yes
    fi
    [ "$found" = "$2" ] || fail "$1 loads libjetpipe.so: $found; it should be: $2."
}

cmake --install "$JETPIPE_BUILD_DIR" --prefix "$prefix" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
pc=$(find "$prefix" -name jetpipe.pc)
libdir=$(dirname "$(dirname "$pc")")
version=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --modversion jetpipe)

# ---- what was installed ----

for file in "$libdir/libjetpipe.a" "$libdir/libjetpipe.so" "$libdir/libjetpipe.so.$version" \
    "$prefix/include/jetpipe.h" "$prefix/include/jetpipe_client.h" "$prefix/include/jetpipe_macros.h" \
    "$prefix/include/jetpipe_test.h" "$prefix/bin/jetpipe"; do
    [ -e "$file" ] || fail "$file was not installed."
done
soname=$(readelf -d "$libdir/libjetpipe.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ "$soname" = "libjetpipe.so.${version%.*}" ] || fail "the soname is '$soname' for version $version."
[ -e "$libdir/$soname" ] || fail "$libdir/$soname does not exist."

# The library exports what the headers declare, and nothing else.
nm -D --defined-only "$libdir/libjetpipe.so" | awk '{ print $3 }' | sort >"$scratch/visible"
if grep -v '^jp_' "$scratch/visible"; then
    fail "libjetpipe.so exports the symbols above, which are not public."
fi
cat "$prefix"/include/*.h | sed -n 's/^.*JP_API[^(]*[ *]\(jp_[a-z0-9_]*\)(.*/\1/p' | sort -u >"$scratch/declared"
[ -s "$scratch/declared" ] || fail "the headers declare no JP_API function."
if comm -13 "$scratch/visible" "$scratch/declared" | grep .; then
    fail "the headers declare the functions above, which libjetpipe.so does not export."
fi

# Each header compiles alone.
for header in "$prefix"/include/*.h; do
    for language in "c -std=c11" "c++ -std=c++20"; do
        # shellcheck disable=SC2086 # the language is words
        echo "#include <${header##*/}>" |
            ${CC:-cc} -x $language -I "$prefix/include" -Wall -Wextra -Wpedantic -Werror -fsyntax-only - ||
            fail "${header##*/} does not compile alone as $language."
    done
done

# ---- find_package and pkg-config, before and after a move ----

by_cmake() {
    cmake -S "$JETPIPE_SOURCE_DIR/tests/install/outside" -B "$scratch/cmake-$1" -G Ninja \
        -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "find_package failed ($1)."; }
    cmake --build "$scratch/cmake-$1" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "it does not build ($1)."; }
    for language in c cc; do
        works "$scratch/cmake-$1/shop_${language}_jetpipe"
        links "$scratch/cmake-$1/shop_${language}_jetpipe" yes
        works "$scratch/cmake-$1/shop_${language}_static"
        links "$scratch/cmake-$1/shop_${language}_static" no
    done
}

by_pkg_config() {
    PKG_CONFIG_PATH=$libdir/pkgconfig
    export PKG_CONFIG_PATH
    for language in "c -std=c11 -Wextra" "c++ -std=c++20 -Wextra"; do
        # shellcheck disable=SC2046,SC2086 # flags are words
        ${CC:-cc} -x $language -Wall -Werror $(pkg-config --cflags jetpipe) -o "$scratch/shop-shared" \
            "$JETPIPE_SOURCE_DIR/tests/install/outside/shop.c" -x none \
            $(pkg-config --libs jetpipe) -Wl,-rpath,"$libdir" || fail "pkg-config, shared: $language does not build."
        works "$scratch/shop-shared"
        links "$scratch/shop-shared" yes
        # As on a machine with only the static library.
        mkdir "$libdir/aside"
        mv "$libdir"/libjetpipe.so* "$libdir/aside/"
        # shellcheck disable=SC2046,SC2086 # flags are words
        ${CC:-cc} -x $language $(pkg-config --cflags jetpipe) -o "$scratch/shop-static" \
            "$JETPIPE_SOURCE_DIR/tests/install/outside/shop.c" -x none \
            $(pkg-config --static --libs jetpipe) || fail "pkg-config, static: $language does not build."
        works "$scratch/shop-static"
        links "$scratch/shop-static" no
        mv "$libdir"/aside/* "$libdir/"
        rmdir "$libdir/aside"
    done
}

by_cmake here
by_pkg_config

mv "$prefix" "$scratch/there"
prefix=$scratch/there
libdir=$prefix${libdir#"$scratch/here"}
by_cmake there
by_pkg_config
works "$prefix/bin/jetpipe"
echo "installed, found, built, linked, run and moved: jetpipe $version"
