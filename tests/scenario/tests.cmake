# One written scenario, run on every store and bus: see kit.h.
add_library(jp_kit OBJECT scenario/kit.c)
target_link_libraries(jp_kit PRIVATE jetpipe_options PkgConfig::CHECK)
jetpipe_test(scenario patrol kit role bus store body core base SERVERS)
foreach(name values outputs order retry abort faults outside promise)
  jetpipe_test(scenario ${name} kit role bus store body core base SERVERS NEWEST)
endforeach()
