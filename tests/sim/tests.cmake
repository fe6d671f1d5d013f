# Decorators of the two seams: for the simulation and for tests/scenario/faults.c.
add_library(jp_seams OBJECT sim/seams.c)
target_link_libraries(jp_seams PRIVATE jetpipe_options)
# The engine in one process, driven operation by operation.
add_library(jp_world OBJECT sim/world.c)
target_link_libraries(jp_world PRIVATE jetpipe_options)

set(sim_clock -Wl,--wrap=clock_gettime)
jetpipe_test(sim schedules world seams role bus store body core base)
target_sources(sim_schedules PRIVATE sim/plan.c sim/pipes.c sim/check.c)
target_link_options(sim_schedules PRIVATE ${sim_clock})

# One schedule for each trap of the protocol.
foreach(name traps_entries traps_events found found_outside found_patrol cascades)
  jetpipe_test(sim ${name} world seams role bus store body core base)
  target_sources(sim_${name} PRIVATE sim/stage.c)
  target_link_options(sim_${name} PRIVATE ${sim_clock})
endforeach()
# The answers to the traps are taken out one by one, with the compiler's commands of this build.
jetpipe_script(sim mutants.py TARGETS sim_traps_entries sim_traps_events TIMEOUT 600 EXCEPT address thread)
