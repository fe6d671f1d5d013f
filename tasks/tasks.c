/* tasks.c -- the list of all pipes of the library. */
#include "tasks.h"

const jp_def *const jp_tasks[] = {
    &AddOne, &AddTwo,     &Sum,         &Max,        &Min,          &Multiply, &Negate, &All,
    &Any,    &Complement, &AbortIfTrue, &Delay,      &Ignore,       &Log,      &Return, &Append,
    &Dict,   &Extend,     &List,        &Union,      &Intersection, &Uniquify, &Concat, &Format,
    &Exec,   &ReadFile,   &WordCount,   &CountWords, &MergeCounts,  &TopWords, NULL};
