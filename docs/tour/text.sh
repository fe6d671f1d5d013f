# text.sh -- chooses the text that the tour counts if no folder is named: files of every machine that can build jetpipe.
# usage: sh text.sh BYTES
#
# Prints folders and files, one on a line, of at most BYTES in all: whole folders while they fit, then the entries of the
# first folder that does not, in order, while they fit.
set -eu
LC_ALL=C
export LC_ALL
room=$1

for place in /usr/share/common-licenses /usr/include /usr/share/perl /usr/share/perl5 /usr/share/cmake*; do
    [ -d "$place" ] && [ ! -L "$place" ] || continue
    size=$(du -sb "$place" 2>/dev/null | cut -f 1)
    if [ "$size" -le "$room" ]; then
        printf '%s\n' "$place"
        room=$((room - size))
        continue
    fi
    find "$place" -mindepth 1 -maxdepth 1 ! -type l ! -name '*[!!-~]*' -print0 | sort -z | xargs -0 du -sb 2>/dev/null |
        awk -F '\t' -v room="$room" '$2 !~ /["\\]/ && $1 <= room { room -= $1; print $2 }'
    break
done
