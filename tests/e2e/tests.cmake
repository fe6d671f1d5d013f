# Real servers, real processes, real kills. program.c is a user's program.
add_executable(e2e_program e2e/program.c)
target_link_libraries(e2e_program PRIVATE jetpipe_static jetpipe_options)
set_target_properties(e2e_program PROPERTIES ENABLE_EXPORTS ON)
jetpipe_script(e2e mistakes.py SERVERS TARGETS e2e_program)
jetpipe_script(e2e mistakes_nats.py SERVERS TARGETS e2e_program)
jetpipe_script(e2e mistakes_mongo.py SERVERS TARGETS e2e_program)
jetpipe_script(e2e outside.py SERVERS TARGETS e2e_program)
jetpipe_script(e2e kills.py SERVERS TARGETS e2e_program)
