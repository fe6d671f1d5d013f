/* child.h -- the executor process: takes attempts from the shared page, runs bodies, puts outcomes back. */
#ifndef JPX_EXECUTOR_CHILD_H
#define JPX_EXECUTOR_CHILD_H

#include "exec/page.h"
#include <sys/types.h>

/* Called in a fresh fork of the zygote with all signals blocked; takes over both descriptors. */
_Noreturn void jpx_child_main(const jpx_registry *, int page_fd, int bell_fd, pid_t zygote, size_t memory_bytes);

#endif
