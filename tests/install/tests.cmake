# Sanitized objects do not link into a program without a sanitizer.
if(JETPIPE_SHARED AND JETPIPE_STATIC AND TARGET jetpipe)
  jetpipe_script(install outside.sh EXCEPT address thread)
endif()
