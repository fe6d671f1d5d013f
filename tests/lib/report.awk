# report.awk -- reads ctest's LastTest.log and prints what was skipped and why, then the count.
# A reason is a line "skip: ..." of the test's own output; equal ones of one test are counted together.

/^[0-9]+\/[0-9]+ Test: / { test = $3 }
/^skip: / {
    reason = test ": " substr($0, 7)
    if (!(reason in times))
        order[++reasons] = reason
    times[reason]++
    skips++
}
END {
    if (skips)
        printf "\n%d skipped:\n", skips
    for (i = 1; i <= reasons; i++)
        printf "  %3d  %s\n", times[order[i]], order[i]
}
