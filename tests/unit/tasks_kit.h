/* tasks_kit.h -- runs pipes of the library with arguments as JSON, in memory, and looks at how they ended. */
#ifndef TASKS_KIT_H
#define TASKS_KIT_H

#include "tasks/tasks.h"
#include <check.h>
#include <jetpipe_test.h>
#include <stdlib.h>
#include <string.h>

static jp_trial *trial;

static void open_trial(void)
{
    trial = jp_trial_new(jp_tasks);
}

static void close_trial(void)
{
    jp_trial_free(trial);
    trial = NULL;
}

/* GIVES(json, Name, arguments...): the run is done, with this result. */
#define GIVES(json, ...)                                                                                               \
    do {                                                                                                               \
        const jp_trial_root *root_ = jp_trial_run(trial, __VA_ARGS__);                                                 \
        ck_assert_str_eq(jp_trial_reason(root_), "");                                                                  \
        ck_assert_str_eq(jp_trial_json(root_), (json));                                                                \
    } while (0)

/* ABORTS(text, Name, arguments...): the run was aborted, and the reason has this text in it. */
#define ABORTS(text, ...)                                                                                              \
    do {                                                                                                               \
        const jp_trial_root *root_ = jp_trial_run(trial, __VA_ARGS__);                                                 \
        ck_assert_str_eq(jp_trial_status(root_), "aborted");                                                           \
        ck_assert_msg(strstr(jp_trial_reason(root_), (text)) != NULL, "\"%s\" is not in \"%s\"", (text),               \
                      jp_trial_reason(root_));                                                                         \
    } while (0)

static inline int run_suite(const char *name, void (*set_up)(void), void (*tear_down)(void), void (*fill)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 30);
    fill(tests);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
