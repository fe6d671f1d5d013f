# count.sh -- counts words with standard tools, for comparison: knows nothing of jetpipe and shares nothing with it.
# usage: sh count.sh FOLDER... >COUNTS
#
# Prints lines "word<TAB>count", sorted by word. The rules are WordCount's: regular files below the folders, symbolic links
# below them not followed; a file with a NUL byte among its first 8192 bytes is binary and left out; a word is a maximal run of
# ASCII letters, in lower case. Any byte but `/` and NUL may stand in a name, so lists of names are ended by NUL bytes.
set -eu
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d "${TMPDIR:-/tmp}/jetpipe-count.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

find -H "$@" -type f -print0 | sort -zu >"$scratch/files"

# Few files hold a NUL byte anywhere; only of those the first bytes are looked at. Files that cannot be read are no words, here
# as there; grep ends with 1 when no file matches.
xargs -0 -r grep -lZaP '\x00' -- <"$scratch/files" >"$scratch/suspects" 2>/dev/null || :
xargs -0 -r sh -c '
    for file; do
        [ "$(head -c 8192 -- "$file" | tr -dc "\000" | wc -c)" -eq 0 ] || printf "%s\0" "$file"
    done' sh <"$scratch/suspects" 2>/dev/null | sort -zu >"$scratch/binary"
comm -z -23 "$scratch/files" "$scratch/binary" >"$scratch/text"

# grep ends the last line of a file that does not do so itself: words of two files must not become one.
{ xargs -0 -r grep -ah '' -- <"$scratch/text" 2>/dev/null || :; } |
    tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' |
    awk 'length { count[$0]++ } END { for (word in count) printf "%s\t%d\n", word, count[word] }' | sort
