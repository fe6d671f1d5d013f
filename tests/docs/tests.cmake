# The examples of the documents, linked as a user links them, with the shared library.
if(JETPIPE_SHARED AND TARGET jetpipe)
  jetpipe_script(docs examples.py SERVERS EXCEPT address thread TARGETS jetpipe_shared jetpipe)
endif()
# It builds jetpipe itself, as readers do.
jetpipe_script(docs tour.sh SERVERS ALONE TIMEOUT 300 EXCEPT address thread TARGETS jp_base)
