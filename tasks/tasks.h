/* tasks.h -- a library of common pipes, written against jetpipe.h alone. Your program registers those that it wants, or
 * all: jp_tasks ends with NULL. */
#ifndef JP_TASKS_H
#define JP_TASKS_H

#include <jetpipe.h>

/* arithmetic.c */
JP_DECLARE(AddOne);
JP_DECLARE(AddTwo);
JP_DECLARE(Sum);
JP_DECLARE(Max);
JP_DECLARE(Min);
JP_DECLARE(Multiply);
JP_DECLARE(Negate);
/* logic.c */
JP_DECLARE(All);
JP_DECLARE(Any);
JP_DECLARE(Complement);
/* flow.c */
JP_DECLARE(AbortIfTrue);
JP_DECLARE(Delay);
JP_DECLARE(Ignore);
JP_DECLARE(Log);
JP_DECLARE(Return);
/* lists.c */
JP_DECLARE(Append);
JP_DECLARE(Dict);
JP_DECLARE(Extend);
JP_DECLARE(List);
JP_DECLARE(Union);
JP_DECLARE(Intersection);
JP_DECLARE(Uniquify);
/* strings.c */
JP_DECLARE(Concat);
JP_DECLARE(Format);
/* programs.c */
JP_DECLARE(Exec);
JP_DECLARE(ReadFile);
/* wordcount.c */
JP_DECLARE(WordCount);
JP_DECLARE(CountWords);
JP_DECLARE(MergeCounts);
JP_DECLARE(TopWords);

extern const jp_def *const jp_tasks[];

#endif
