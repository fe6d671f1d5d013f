"""Takes the answer to each trap of the protocol out of the source, and demands that the trap's test fails then.

A mutant is one text of one file in place of another; nothing else is changed. Its file is compiled aside with the command
of the build, linked in place of the build's own object, and the program with the trap's test is run. A text that is not
found any more is an error: the answer has moved, and the mutant has to follow it.

    mutants.py [PART-OF-A-NAME]        Environment: JETPIPE_SOURCE_DIR, JETPIPE_BUILD_DIR (ctest sets both)
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["JETPIPE_SOURCE_DIR"]
BUILD = os.environ["JETPIPE_BUILD_DIR"]

# (test that must fail, its program, file, the answer, what stands there without it)
MUTANTS = [
    ("t01_a_finish_counter_of_each_generation", "traps_entries", "runtime/core/record_barrier.c",
     "return jpx_key_make(root, gen, JPX_FINISH_INDEX);",
     "(void)gen; return jpx_key_make(root, (const uint8_t *)\"\\0\\0\\0\\0\\0\\0\\0\", JPX_FINISH_INDEX);"),
    ("t02_fresh_bits_beside_repeated_ones", "traps_events", "store/apply.c",
     "    if (!fresh)\n        return true;", "    if (!fresh || repeated)\n        return true;"),
    ("t03_large_values_of_two_executions", "traps_entries", "runtime/core/plan.c",
     "to->random(to->random_ctx, tail, sizeof tail);\n    jpx_tail_id", "memset(tail, 0, sizeof tail);\n    jpx_tail_id"),
    ("t04_the_loser_goes_on_from_the_entry_of_the_winner", "traps_entries", "runtime/worker/commit.c",
     "        if (!c->lost)\n            continue;", "        if (c->entry.kind < JPX_ENTRY_KINDS)\n            continue;"),
    ("t05_an_abort_after_the_outcome_was_decided", "traps_events", "store/apply.c",
     "return !decided && !aborting;", "return !aborting;"),
    ("t05_an_abort_before_the_outcome_was_decided", "traps_events", "store/apply.c",
     "    case JPX_ROOT_DONE:\n        return !aborting;", "    case JPX_ROOT_DONE:\n        return true;"),
    ("t06_the_api_dies_after_it_has_raised_the_flag", "traps_events", "runtime/api/abort.c",
     "if (change.changed || (root->aborting && !jpx_root_final(root))) {", "if (change.changed) {"),
    ("t07_a_reply_before_its_wait_is_durable", "traps_entries", "runtime/api/reply.c",
     "if (d->deliveries < (d->reply_to ? ASKED_DELIVERIES : EARLY_DELIVERIES))", "if (false)"),
    ("t08_a_due_event_at_a_worker_whose_clock_is_behind", "traps_events", "runtime/worker/dispatch.c",
     "jpx_journal_next(&job->journal, job->event.step, job->event.due)",
     "jpx_journal_next(&job->journal, job->event.step, job->event.due && (job->event.step != job->journal.count || "
     "jpx_journal_last(&job->journal)->due_ms <= jpx_now(w->role.session.env)))"),
    ("t09_on_finished_of_a_body_at_work_when_the_abort_came", "traps_entries", "runtime/engine/abort.c",
     "    *begun = found.count > 0;", "    *begun = false;"),
    ("t09_on_finished_of_a_body_at_work_when_the_abort_came", "traps_entries", "runtime/worker/executions.c",
     "        const jpx_execution execution = execution_of(w, job);\n        marks[count++] = record_of(w, &execution);\n"
     "        job->hook_mark = marks[count - 1].id;\n    }\n    if (!count)",
     "        count++;\n    }\n    if (count < UINT32_MAX)"),
    ("t10_a_finish_bit_without_its_start_bit_and_the_event_is_lost", "traps_events", "runtime/engine/repair.c",
     "        if (ending && jpx_entry_effects(", "        if (ending && jpx_tree_node_planned(&nodes[i]) && jpx_entry_effects("),
    ("t10_a_retry_whose_due_event_is_lost", "traps_events", "runtime/engine/repair.c",
     "        if (last != ending && jpx_entry_effects(", "        if (last != ending && last->kind != JPX_ENTRY_RETRY && jpx_entry_effects("),
    ("t11_a_redelivery_publishes_what_follows", "traps_entries", "runtime/worker/dispatch.c",
     "    case JPX_NEXT_FOLLOW:\n        jpx_job_set(job, JPX_JOB_DONE);\n        return jpx_entry_effects(",
     "    case JPX_NEXT_FOLLOW:\n        jpx_job_set(job, JPX_JOB_DONE);\n"
     "        return job->journal.count ? JP_OK : jpx_entry_effects("),
    ("t12_an_abort_publishes_pending_hooks", "traps_events", "runtime/engine/abort.c",
     "            call_hooks(&box, &nodes[i].pipeline); /* their event may be lost (docs/protocol.md, trap 12) */\n", ""),
    ("t12_the_root_is_aborted_last", "traps_events", "runtime/engine/abort.c",
     "    if (a->pending == 0 && (close_root(", "    if ((close_root("),
    ("t13_the_second_repair_after_a_loss", "traps_events", "runtime/barrier/barrier.c",
     "        b->walk_ms = now + SECOND_WALK_MS;", "        b->walk_ms = now + PATROL_MAX_MS;"),
    ("t13_the_process_that_noticed_a_loss_dies_before_the_repair", "traps_events", "runtime/barrier/stream_loss.c",
     "    *known = found.count > 0;", "    *known = false;"),
    ("t14_one_duplicate_at_the_foot_of_a_ladder_of_diamonds", "traps_events", "runtime/engine/ready.c",
     "        if (ready[i].repeat.maybe && journals[repeats++].count)\n            continue;",
     "        if (ready[i].repeat.maybe && journals[repeats++].count == UINT32_MAX)\n            continue;"),
]


def run(words, **more):
    return subprocess.run(words, capture_output=True, text=True, errors="replace", **more)


def commands_of(program):
    """The commands that build it, by the object they make; the last one links."""
    said = run(["ninja", "-C", BUILD, "-t", "commands", program])
    if said.returncode:
        sys.exit("ninja does not tell how %s is built: %s" % (program, said.stderr))
    return [line for line in said.stdout.splitlines() if " -o " in line]


def failures(program):
    """The names of the tests of a program that fail."""
    said = run([program], env=dict(os.environ, CK_DEFAULT_TIMEOUT="60", CK_VERBOSITY="normal"), timeout=300)
    if "Checks:" not in said.stdout:
        sys.exit("%s says nothing: %s" % (program, said.stdout + said.stderr))
    return set(re.findall(r":[FE]:\w+:(\w+):", said.stdout))


def mutate(number, commands):
    """Builds and runs one mutant; a text that says what is wrong, or nothing."""
    test, program, file, answer, instead = MUTANTS[number]
    text = open(os.path.join(SOURCE, file)).read()
    if text.count(answer) != 1:
        return "%s: the answer is found %d times in %s; it has moved: %r" % (test, text.count(answer), file, answer)
    compiles = [c for c in commands[program] if c.endswith(" -c " + os.path.join(SOURCE, file))]
    if not compiles:
        return "%s: nothing compiles %s" % (test, file)
    own = re.search(r" -o (\S+)", compiles[0]).group(1)
    link = commands[program][-1]
    with tempfile.TemporaryDirectory() as folder:
        mutant = os.path.join(folder, "mutant.c")
        with open(mutant, "w") as out:
            out.write('#line 1 "%s"\n' % os.path.join(SOURCE, file) + text.replace(answer, instead))
        compile_it = re.sub(r" -M[FT] \S+", "", compiles[0]).replace(" -MD", "")
        compile_it = compile_it.replace(" -o " + own, " -o %s/mutant.o -w -O0" % folder)
        compile_it = compile_it.replace(" -c " + os.path.join(SOURCE, file), " -c " + mutant)
        link = link.replace(" %s " % own, " %s/mutant.o " % folder, 1)
        link = re.sub(r" -o \S+", " -o %s/program" % folder, link)
        for command in (compile_it, link):
            said = run(["sh", "-c", command], cwd=BUILD)
            if said.returncode:
                return "%s: the mutant does not build: %s" % (test, said.stderr[-2000:])
        if test not in failures(os.path.join(folder, "program")):
            return "%s passes although the answer is out of %s: %r" % (test, file, answer)
    return None


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [n for n, m in enumerate(MUTANTS) if wanted in m[0]]
    programs = sorted({MUTANTS[n][1] for n in chosen})
    commands = {p: commands_of("sim_" + p) for p in programs}
    wrong = []
    for p in programs:
        wrong += ["%s fails without a mutant" % t for t in failures(os.path.join(BUILD, "tests", "sim_" + p))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong += [w for w in pool.map(lambda n: mutate(n, commands), chosen) if w]
    print("\n".join(wrong) if wrong else "%d mutants, each found by the test of its trap" % len(chosen))
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
