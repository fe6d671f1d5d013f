# The examples of the documents, linked as a user links them: with the shared library.
if(JETPIPE_SHARED AND TARGET jetpipe)
  jetpipe_script(docs examples.py EXCEPT address thread TARGETS jetpipe_shared jetpipe)
endif()
