#include "tasks.h"

const jp_def *const jp_tasks[] = {&AddOne, &AddTwo, &Sum,        &Max,         &Min,         &Multiply,     &Negate,
                                  &All,    &Any,    &Complement, &AbortIfTrue, &Delay,       &Ignore,       &Log,
                                  &Return, &Append, &Extend,     &List,        &Union,       &Intersection, &Uniquify,
                                  &Concat, &Format, &WordCount,  &CountWords,  &MergeCounts, &TopWords,     NULL};
