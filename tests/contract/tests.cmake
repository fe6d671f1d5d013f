jetpipe_test(contract store store base)
jetpipe_test(contract store_barriers store base)
jetpipe_test(contract store_roots store base)
