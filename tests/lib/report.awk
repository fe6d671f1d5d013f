# report.awk -- reads ctest's LastTest.log, then its closing words, and prints what was skipped and why, then the count.
# A reason is a line "skip: ..." or "<part>: skipped; ..." of the test's own output; equal ones of one
# test are counted together.

/^[0-9]+\/[0-9]+ Test: / { test = $3 }
/^skip: / || /^[^ :]+: skipped[;,:] / {
    text = $0
    sub(/^skip: /, "", text)
    reason = test ": " text
    if (!(reason in times))
        order[++reasons] = reason
    times[reason]++
    skips++
}
/^\t *[0-9]+ - .* \(Disabled\)/ {
    reason = $3 ": makes no sense in a build of this kind (EXCEPT in its tests.cmake)"
    order[++reasons] = reason
    times[reason] = 1
    skips++
}
END {
    if (skips)
        printf "\n%d skipped:\n", skips
    for (i = 1; i <= reasons; i++)
        printf "  %3d  %s\n", times[order[i]], order[i]
}
