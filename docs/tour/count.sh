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

# Where is the first NUL byte of each file? grep says "name NUL offset: NUL newline"; the names with offsets below 8192 stay.
# Files that cannot be read are no words, here as there; grep ends with 1 when no file matches.
{ xargs -0 -r grep -HZboaP -m 1 '^[^\x00]*+\K\x00' -- <"$scratch/files" 2>/dev/null || :; } |
    sed -z -n '1!s/^\n//; N; s/\x00\([0-9]\{1,3\}\|[0-7][0-9]\{3\}\|80[0-9]\{2\}\|81[0-8][0-9]\|819[01]\):$//p' |
    sort -z >"$scratch/binary"
comm -z -23 "$scratch/files" "$scratch/binary" >"$scratch/text"

# grep ends the last line of a file that does not do so itself: words of two files must not become one.
{ xargs -0 -r grep -ah '' -- <"$scratch/text" 2>/dev/null || :; } |
    tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' |
    awk 'length { count[$0]++ } END { for (word in count) printf "%s\t%d\n", word, count[word] }' | sort
