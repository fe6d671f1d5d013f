jetpipe_test(unit base base core)
jetpipe_script(unit core_pure.sh $<TARGET_OBJECTS:jp_core> EXCEPT address thread TARGETS jp_core)
