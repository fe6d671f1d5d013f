/* args.h -- the arguments of the attempt at work. */
#ifndef JPX_ARGS_H
#define JPX_ARGS_H

#include "body/context.h"

/* Reads the attempt's array document, which has been checked; false: it is not BSON. */
bool jpx_args_open(jp_ctx *);

#endif
