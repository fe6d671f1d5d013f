# count.sh -- counts words with standard tools, for comparison. It shares nothing with jetpipe.
# usage: sh count.sh FOLDER... >COUNTS
#
# Prints lines "word<TAB>count", sorted by word. The rules are those of WordCount: it reads regular files below the folders
# and follows no symbolic links there; a file with a NUL byte in its first 8192 bytes is binary and left out; a word is a
# longest run of ASCII letters, in lower case. Names may hold any byte but `/` and NUL, so NUL separates them in lists.
set -eu
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d "${TMPDIR:-/tmp}/jetpipe-count.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

find -H "$@" -type f -print0 | sort -zu >"$scratch/files"

# Where is the first NUL byte of each file? grep prints "name NUL offset: NUL newline"; names with offsets below 8192 are
# kept. Unreadable files are skipped, as WordCount does; grep ends with 1 if no file matches.
{ xargs -0 -r grep -HZboaP -m 1 '^[^\x00]*+\K\x00' -- <"$scratch/files" 2>/dev/null || :; } |
    sed -z -n '1!s/^\n//; N; s/\x00\([0-9]\{1,3\}\|[0-7][0-9]\{3\}\|80[0-9]\{2\}\|81[0-8][0-9]\|819[01]\):$//p' |
    sort -z >"$scratch/binary"
comm -z -23 "$scratch/files" "$scratch/binary" >"$scratch/text"

# grep adds the newline that a last line lacks; otherwise the words of two files would be joined.
{ xargs -0 -r grep -ah '' -- <"$scratch/text" 2>/dev/null || :; } |
    tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' |
    awk 'length { count[$0]++ } END { for (word in count) printf "%s\t%d\n", word, count[word] }' | sort
