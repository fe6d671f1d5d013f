# Programs with one mistake each, linked as a user links them: with the shared library.
if(JETPIPE_SHARED)
  jetpipe_script(wrong programs.py EXCEPT address thread TARGETS jetpipe_shared)
endif()
